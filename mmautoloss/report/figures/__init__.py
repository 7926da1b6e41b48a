"""Drawings of tables of facts."""

from mmautoloss.report.figures.figure import Figure, Picture

__all__ = ['Figure', 'Picture']
