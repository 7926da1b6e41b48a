"""The part of a training set that scores the candidates of a search; needs only the standard library."""

from mmautoloss.split.holdout import Item, hold_out
from mmautoloss.split.sources import Source, read_source

__all__ = ['Item', 'Source', 'hold_out', 'read_source']
