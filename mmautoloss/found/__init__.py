"""Losses that were found, by a search or by hand: read from where they lie, matched with a model, written in other forms."""

from mmautoloss.found.found import Found, NamedLoss, Origin, found_losses, write_losses
from mmautoloss.found.matching import by_hand, match, unplaced
from mmautoloss.found.read import read_by_hand, read_found, read_result
from mmautoloss.found.user_losses import GivenLosses, read_given

__all__ = [
    'Found',
    'GivenLosses',
    'NamedLoss',
    'Origin',
    'by_hand',
    'found_losses',
    'match',
    'read_by_hand',
    'read_found',
    'read_given',
    'read_result',
    'unplaced',
    'write_losses',
]
