"""Facts as tables, and drawings of them."""

from mmautoloss.report.figures.figure import Figure, Picture, Table

__all__ = ['Figure', 'Picture', 'Table']
