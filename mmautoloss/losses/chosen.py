"""The loss that a config chooses: by its formula, by the name of a known loss, or by the name of a found one."""

from __future__ import annotations

from difflib import get_close_matches
from typing import NamedTuple

from mmautoloss.checks import nearest
from mmautoloss.errors import ExpressionError, SetupError
from mmautoloss.losses.card import cards
from mmautoloss.losses.inputs import input_kind
from mmautoloss.losses.named_sums import expression_of
from mmautoloss.losses.zoo import ZOO


class Chosen(NamedTuple):
    """A loss.

    Attributes:
        expression: Infix text.
        inputs: What it reads.
        weight: Factor of the loss.
    """

    expression: str
    inputs: str
    weight: float


def chosen_loss(expression: str | None, card: str | None, inputs: str | None, use_sigmoid: bool) -> Chosen:
    """The loss that settings of ``SearchedLoss`` choose.

    Args:
        expression: A formula, the name of a known loss, or a sum of such; None with ``card``.
        card: ``CARD.BRANCH``, a loss that is shipped with this package; None with ``expression``.
        inputs: What the loss reads; None for what the card says, or what ``use_sigmoid`` says.
        use_sigmoid: Whether the default is ``'sigmoid'`` rather than ``'softmax'``.

    Raises:
        SetupError: There is none, or there are both; or there is no such loss, or it reads something else.
    """
    if (expression is None) == (card is None):
        known, found = ', '.join(ZOO), ', '.join(_of_cards())
        raise SetupError(
            f"SearchedLoss needs {'one of' if card else 'a loss'}: expression='-y * log(p)', or there the name of a known "
            f"loss ({known}), or card='CARD.BRANCH' for a found one ({found}). The losses of a best_losses.json come into a "
            'config by `mmautoloss apply CONFIG best_losses.json -o NEW_CONFIG`.'
        )
    if expression is not None:
        inputs = inputs or ('sigmoid' if use_sigmoid else 'softmax')
        return Chosen(_written(expression, inputs) if isinstance(expression, str) else expression, inputs, 1.0)
    chosen = _of_card(card)
    if inputs not in (None, chosen.inputs):
        raise SetupError(
            f'The loss {card} is for inputs={chosen.inputs!r}, but got inputs={inputs!r}: leave inputs out if the '
            'head passes such inputs, or take another loss (mmautoloss zoo).'
        )
    return chosen


def _written(text: str, inputs: str) -> str:
    """The expression of a text; a word that is no input can only be a misspelt name."""
    hint = nearest(text, ZOO) if text.isidentifier() and text not in ZOO else ''
    if hint and text not in input_kind(inputs).names:
        raise ExpressionError(f'There is no known loss {text!r}{hint}; `mmautoloss zoo` lists them.')
    return expression_of(text, inputs)


def _of_cards() -> dict[str, Chosen]:
    return {
        f'{name}.{loss["name"]}': Chosen(loss['expression'], loss['inputs'], loss['weight'])
        for name, card in cards().items()
        for loss in card.losses
    }


def _of_card(name: object) -> Chosen:
    losses = _of_cards()
    if isinstance(name, str) and name in losses:
        return losses[name]
    own = [key for key in losses if key.rpartition('.')[0] == name]
    near = own or get_close_matches(str(name), losses, cutoff=0.4) or list(losses)
    raise SetupError(f'card must be the name of a found loss, such as {", ".join(near)}, but got {name!r}.')
