"""Found losses, of a search or written by hand: reading them, matching them with a model, exporting them."""

from mmautoloss.found.found import Found, NamedLoss, Origin, found_losses, write_losses
from mmautoloss.found.matching import by_hand, match, unplaced
from mmautoloss.found.read import read_by_hand, read_found, read_result
from mmautoloss.found.user_losses import UserLosses, losses_of_model, read_user_losses

__all__ = [
    'Found',
    'NamedLoss',
    'Origin',
    'UserLosses',
    'by_hand',
    'found_losses',
    'losses_of_model',
    'match',
    'read_by_hand',
    'read_found',
    'read_result',
    'read_user_losses',
    'unplaced',
    'write_losses',
]
