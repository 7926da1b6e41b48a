"""Drawings of the tables in ``facts``."""

from mmautoloss.report.figures.figure import Figure, Picture

__all__ = ['Figure', 'Picture']
