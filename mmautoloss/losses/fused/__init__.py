"""Fast computation of a loss: a plan of the expression, its passes over blocks of memory, and compiled code."""

from mmautoloss.losses.fused.blocks import threads_of
from mmautoloss.losses.fused.total import fused_total

__all__ = ['fused_total', 'threads_of']
