"""Expressions as loss modules: the result of a search, usable without a search."""

from mmautoloss.losses.card import Card, Measured, cards
from mmautoloss.losses.definition import plain_loss
from mmautoloss.losses.elapsed import elapsed_share, training_at
from mmautoloss.losses.families import FAMILIES, family_of
from mmautoloss.losses.inputs import (
    INPUT_KINDS,
    InputKind,
    Rows,
    as_nchw,
    choose_images,
    choose_rows,
    input_kind,
    is_custom,
    register_kind,
)
from mmautoloss.losses.loss_graph import LossGraph
from mmautoloss.losses.mixture import LossMixture
from mmautoloss.losses.mixture_summary import OneExpression, WeightsOfGroup, examples_of, groups_of, one_expression
from mmautoloss.losses.named_sums import expression_of, is_by_name, kinds_by_name
from mmautoloss.losses.searched_loss import SearchedLoss
from mmautoloss.losses.short_forms import by_algebra, by_sympy, shorter_form, without_constants
from mmautoloss.losses.weighting import Weighting
from mmautoloss.losses.zoo import ZOO, KnownLoss, is_known, known_loss, name_of

__all__ = [
    'FAMILIES',
    'INPUT_KINDS',
    'ZOO',
    'Card',
    'InputKind',
    'KnownLoss',
    'LossGraph',
    'LossMixture',
    'Measured',
    'OneExpression',
    'Rows',
    'SearchedLoss',
    'Weighting',
    'WeightsOfGroup',
    'as_nchw',
    'by_algebra',
    'by_sympy',
    'cards',
    'choose_images',
    'choose_rows',
    'elapsed_share',
    'examples_of',
    'expression_of',
    'family_of',
    'groups_of',
    'input_kind',
    'is_by_name',
    'is_custom',
    'is_known',
    'kinds_by_name',
    'known_loss',
    'name_of',
    'one_expression',
    'plain_loss',
    'register_kind',
    'shorter_form',
    'training_at',
    'without_constants',
]
