"""The value of an expression, step by step in float64: what an operator is, and what counts, as one would say it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mmautoloss.expr import Tree
from tests.test_losses.fuzz.rounding import COPIES, Rounding

EPS = 1e-12
HARMLESS = 0.5
"""What stands where nothing counts: every operator is finite and smooth there."""
LOGARITHMS = {(1, 0): ('log p', 1), (-1, 0): ('log p', -1), (-1, 1): ('log 1-p', 1), (1, -1): ('log 1-p', -1)}
"""Of a * p + b, by (a, b): the exact logarithm, and the sign of the protected one, which is odd."""


class Graph:
    """An evaluation of expressions over maps of which some elements count.

    Args:
        inputs: Tensors (COPIES, N, C, H, W) by name; of probabilities also ``log p``, ``log 1-p`` and ``raw``.
        counts: What counts, (N, C, H, W).
        rounding: Errors of a step.
    """

    def __init__(self, inputs: Mapping[str, Tensor], counts: Tensor, rounding: Rounding) -> None:
        self.inputs, self.counts, self.rounding = inputs, counts.expand(COPIES, *counts.shape), rounding

    def value(self, tree: Tree) -> Tensor:
        """The value of an expression (COPIES, N, C, H, W); of no meaning where nothing counts."""
        if tree.root in self.inputs:
            return self._input(tree.root)
        operands = tree.operands()
        if not operands:
            return torch.full(self.counts.shape, float(tree.root), dtype=torch.float64)
        exact = self._logarithm(tree) if tree.root == 'log' else None
        if exact is not None:
            return torch.where(self.counts, self.rounding(exact), HARMLESS)
        values = [self.value(each) for each in operands]
        size = {'add': lambda: sum(value.detach().abs() for value in values), 'log': lambda: 1.0}.get(
            tree.root, float
        )()
        return torch.where(self.counts, self.rounding(self._step(tree.root, values), size), HARMLESS)

    def _input(self, name: str) -> Tensor:
        found = self.rounding.used(self.inputs[name])
        if name != 'p' or 'raw' not in self.inputs:
            return found
        return self.rounding.blurred(found, self.inputs['raw'], found.detach())  # p * (1 - p), with an error of p * 1

    def _logarithm(self, tree: Tree) -> Tensor | None:
        line = line_of(tree.operands()[0]) if 'log p' in self.inputs else None
        if line not in LOGARITHMS:
            return None
        name, sign = LOGARITHMS[line]
        return sign * self.rounding.used(self.inputs[name])

    def _step(self, name: str, operands: list[Tensor]) -> Tensor:
        x, *others = operands
        if name in ('add', 'mul'):
            return x + others[0] if name == 'add' else x * others[0]
        if name in ('mean_nhw', 'mean_c'):
            dims = (1, 3, 4) if name == 'mean_nhw' else (2,)
            total = torch.where(self.counts, x, 0).sum(dims, keepdim=True)
            return (total / self.counts.sum(dims, keepdim=True).clamp(min=1)).expand(x.shape)
        if name in ('maxpool', 'minpool'):
            return self._largest(x) if name == 'maxpool' else -self._largest(-x)
        if name in GUARDED:
            of, function = GUARDED[name]
            return function(x, self.rounding(of(x) + EPS))  # EPS may be rounded away
        found = ELEMENTWISE[name](x)
        return self.rounding.blurred(found, x, 1) if name == 'tanh' else found

    def _largest(self, x: Tensor) -> Tensor:
        """The largest of what counts among an element and its eight neighbours in the map."""
        height, width = x.shape[-2:]
        wide = torch.nn.functional.pad(torch.where(self.counts, x, -torch.inf), (1, 1, 1, 1), value=-torch.inf)
        shifts = [wide[..., i : i + height, j : j + width] for i in range(3) for j in range(3)]
        largest, index = torch.stack(shifts).max(dim=0)
        self.rounding.torn |= x.requires_grad and bool((index != index[:1])[self.counts].any())
        return torch.where(self.counts, largest, HARMLESS)


def line_of(tree: Tree) -> tuple[float, float] | None:
    """(a, b) of an expression that is a * p + b, with p from 0 to 1 and a and b numbers; None of others."""
    operands = tree.operands()
    if tree.root == 'p':
        return 1, 0
    if not operands:
        return (0, float(tree.root)) if tree.root[0].isdigit() else None
    lines = [line_of(each) for each in operands]
    if None in lines:
        return None
    (a, b), *others = lines
    if tree.root == 'neg':
        return -a, -b
    if tree.root == 'abs':  # a line that has one sign between 0 and 1
        return _rounded((a, b) if min(b, a + b) >= 0 else (-a, -b)) if b * (a + b) >= 0 else None
    if tree.root == 'add':
        return _rounded((a + others[0][0], b + others[0][1]))
    if tree.root == 'mul':
        (c, d) = others[0]
        return _rounded((a * d + b * c, b * d)) if a * c == 0 else None
    return _constant(tree.root, b) if a == 0 else None


def _constant(name: str, value: float) -> tuple[float, float] | None:
    """An operator over a number; the guards of logarithms and divisions are as nothing."""
    x = torch.tensor(value, dtype=torch.float64)
    if name in GUARDED:
        of, function = GUARDED[name]
        return _rounded((0, float(function(x, of(x) + EPS))))
    if name in ELEMENTWISE:
        return _rounded((0, float(ELEMENTWISE[name](x))))
    return 0, value  # the mean of equal numbers, the largest of them


def _rounded(line: tuple[float, float]) -> tuple[float, float]:
    return round(line[0], 9), round(line[1], 9)


ELEMENTWISE = {
    'neg': lambda x: -x,
    'abs': lambda x: x * x.sign(),
    'square': lambda x: x * x,
    'exp': torch.exp,
    'tanh': torch.tanh,
    'sin': torch.sin,
    'erf': torch.erf,
    'atan': torch.atan,
}
"""Operators of one element, with autograd's derivative: that of ``sign`` is 0, so at 0 the slopes of the odd ones are 0."""
GUARDED = {
    'inv': (lambda x: x, lambda x, guarded: 1 / guarded),
    'log': (lambda x: x * x.sign(), lambda x, guarded: x.sign() * guarded.log()),
    'sqrt': (lambda x: x * x.sign(), lambda x, guarded: x.sign() * guarded.sqrt()),
}
"""Those with a guard: to what ``EPS`` is added, and the operator over that."""
