"""Strategies that search the numbers of given formulas."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TypeVar

from mmautoloss.checks import require_number
from mmautoloss.errors import SetupError
from mmautoloss.losses import InputKind
from mmautoloss.strategy.base import Strategy
from mmautoloss.strategy.joint_numbers import JointNumbers, read_templates

OwnType = TypeVar('OwnType', bound='OfNumbers')


class OfNumbers(Strategy):
    """A distribution of the numbers of formulas.

    Args:
        inputs: Names that a graph may read, by branch.
        family: The formulas, for all branches or by branch (``losses.families``, a template, or a loss).
        order: Degree of the polynomials of ``'taylor'``.
        pieces: Number of pieces of ``'piecewise'``.
        sigma: Standard deviation of a number, as a multiple of its start; of a number that begins at 0 itself.

    Raises:
        SetupError: A number is out of range.
    """

    def __init__(
        self,
        inputs: Mapping[str, tuple[str, ...]],
        family: str | Mapping[str, str],
        order: int,
        pieces: int,
        sigma: float,
    ) -> None:
        super().__init__(inputs)
        require_number('sigma', sigma, 0, 100, above=True)
        self.family = family
        self.order = order
        self.pieces = pieces
        self.sigma = sigma
        self.numbers: JointNumbers | None = None

    def for_kinds(self: OwnType, kinds: Mapping[str, InputKind]) -> OwnType:
        """The strategy with its formulas read.

        Raises:
            SetupError: A formula is not for the kind of input of its branch.
        """
        strategy = copy.copy(self)
        own = {branch: kinds[branch] for branch in self.inputs}
        strategy.numbers = read_templates(self.family, own, self.order, self.pieces)
        return strategy

    @property
    def required_numbers(self) -> JointNumbers:
        """The numbers of the formulas.

        Raises:
            SetupError: They are not read yet.
        """
        if self.numbers is None:
            raise SetupError(f'The formulas of {type(self).__name__} are not read yet; see for_kinds.')
        return self.numbers
