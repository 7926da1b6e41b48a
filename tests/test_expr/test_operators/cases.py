"""Expressions in which each operator stands in every place, and calls of which not everything counts."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmautoloss.expr import Tree, apply, parse
from mmautoloss.expr.operators import LOOKING_AROUND, OPERATORS

SHAPE = (3, 3, 3, 4)
_HOLE = 'sin'
CONTEXTS = (
    'sin(p)',
    'y * sin(p) - sin(y)',
    'sin(p - 6 * y) * sin(p - 6 * y)',
    'sin(sin(p))',
    'sin(8 + mean_c(p * y))',
    'p * sin(4 - mean_nhw(p))',
    'mean_c(sin(p) * y) ** 2',
    'mean_nhw(sin(p)) * tanh(p)',
    'mean_c(sin(1 + mean_c(p) ** 2) * p)',
    'mean_nhw(p * sin(mean_nhw(p * mean_c(p)) - 9))',
    'maxpool(sin(p) * y) + minpool(sin(p))',
    'sin(exp(1 / p))',
    'sin(p) * exp(exp(1 / p))',
    'sin(0 * p) * exp(exp(1 / p))',
)
"""The operator stands for ``sin``: over all positions, over means of one value for several, within means, within itself.

None comes near a pole where something counts; values and slopes of the last three are Inf where nothing does.
"""
MASKS = ('all', 'positions', 'elements')
SEAMS = (0.0, -0.0, 1e-30, -1e-30, 1e-7, -1e-7, 0.3, -0.7, 2.0, -5.0, 60.0, -60.0, 1e4, -1e4)
"""Zeros, tiny and large numbers, of which some operators are Inf in float32."""
STRANGE = (math.nan, math.inf, -math.inf, 1e30)


class Case(NamedTuple):
    """A call.

    Attributes:
        p: Predictions, float64, 0 where nothing counts.
        y: Targets, likewise.
        weight: Weights, 0 where nothing counts; 1 where everything does.
        valid: What counts, of one channel if that is the same in all; None where everything does.
    """

    p: Tensor
    y: Tensor
    weight: Tensor
    valid: Tensor | None

    @property
    def counts(self) -> Tensor:
        """What counts, in full shape."""
        return self.weight != 0

    def with_strangers(self) -> Case:
        """The same, with NaN, Inf and large numbers where nothing counts."""
        strange = torch.tensor(STRANGE, dtype=torch.float64)[torch.arange(self.p.numel()).view(SHAPE) % len(STRANGE)]
        return self._replace(p=self.p.where(self.counts, strange), y=self.y.where(self.counts, strange.flip(3)))

    def arrays(self) -> dict[str, np.ndarray]:
        """The inputs as arrays, with harmless numbers where nothing counts."""
        return {name: x.where(self.counts, 0.6).numpy() for name, x in (('p', self.p), ('y', self.y))}


def filled(context: str, name: str) -> Tree:
    """The expression of a context, with an operator in its place; of two operands the other one is ``p * y``."""
    return _filled(parse(context), name)


def _filled(tree: Tree, name: str) -> Tree:
    operands = [_filled(operand, name) for operand in tree.operands()]
    if tree.root != _HOLE:
        return apply(tree.root, *operands) if operands else tree
    return apply(name, *operands, *([parse('p * y')] if OPERATORS[name].primitive.arity == 2 else []))


def case_of(mask: str, seed: int = 0, seams: bool = False) -> Case:
    """A call of random numbers of both signs, from 1.2 to 2.4, or of ``SEAMS``."""
    generator = torch.Generator().manual_seed(seed)
    drawn = 1.2 * torch.rand(3, *SHAPE, generator=generator, dtype=torch.float64) + 1.2
    signs = 2 * torch.randint(2, (2, *SHAPE), generator=generator) - 1
    p, y = drawn[:2] * signs
    if seams:
        p, y = torch.tensor(SEAMS, dtype=torch.float64)[torch.randint(len(SEAMS), (2, *SHAPE), generator=generator)]
    if mask == 'all':
        return Case(p, y, torch.ones(SHAPE, dtype=torch.float64), None)
    valid = torch.rand(SHAPE if mask == 'elements' else (3, 1, 3, 4), generator=generator) > 0.35
    valid[1, :, 0, 0] = False  # nothing at a position,
    valid[1, :, 2] = False  # in a row of the map,
    if mask == 'elements':
        valid[:, 1, :2] = False  # and hardly anything in a channel
    return Case(*(x.where(valid, 0) for x in (p, y, drawn[2])), valid)


def is_elementwise(name: str) -> bool:
    """Whether a value of an operator depends on one element alone."""
    return name not in LOOKING_AROUND
