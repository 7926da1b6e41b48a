"""The result of a search, usable without any search: expressions as loss modules."""

from mmautoloss.losses.card import Card, Measured, cards
from mmautoloss.losses.counts import Counts
from mmautoloss.losses.definition import plain_loss
from mmautoloss.losses.inputs import (
    INPUT_KINDS,
    InputKind,
    Rows,
    as_nchw,
    choose_images,
    choose_rows,
    input_kind,
    is_own,
    register_kind,
)
from mmautoloss.losses.loss_graph import LossGraph
from mmautoloss.losses.searched_loss import SearchedLoss
from mmautoloss.losses.zoo import ZOO, KnownLoss, is_known, kinds_of, known_loss, name_of

__all__ = [
    'INPUT_KINDS',
    'ZOO',
    'Card',
    'Counts',
    'InputKind',
    'KnownLoss',
    'LossGraph',
    'Measured',
    'Rows',
    'SearchedLoss',
    'as_nchw',
    'cards',
    'choose_images',
    'choose_rows',
    'input_kind',
    'is_known',
    'is_own',
    'kinds_of',
    'known_loss',
    'name_of',
    'plain_loss',
    'register_kind',
]
