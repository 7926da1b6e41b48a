"""The part of a training set that scores the candidates of a search; nothing but the standard library is needed."""

from mmautoloss.split.holdout import Item, hold_out
from mmautoloss.split.sources import Source, read_source

__all__ = ['Item', 'Source', 'hold_out', 'read_source']
