"""A loss over a single prediction: its values and its gradients, as numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from mmautoloss.expr import Tree
from mmautoloss.losses import input_kind
from mmautoloss.losses.call_inputs import read
from mmautoloss.report.facts.table import Table

Loss = Callable[[Tensor, Tensor], Tensor]
"""Values (K,) of K calls that know nothing of each other, from raw predictions and targets as the kind of input takes them.

Predictions are maps of one pixel (K, C, 1, 1) with targets of the same shape, for ``softmax`` labels (K, 1, 1); of ``area``
both are boxes (K, 4).
"""

SCORES = ('softmax', 'sigmoid', 'mask')
"""Kinds whose graphs read probabilities of raw scores."""

CLASSES = 3
"""Classes of a softmax where nothing says how many there are."""

TARGETS = (1.0, 0.0)
"""The targets of which curves are drawn."""

OVER_CELLS = frozenset({'mean_nhw', 'maxpool', 'minpool'})
"""Operators over several cells; over a single one each gives the cell itself."""

_REACH = {'heatmap': (-0.25, 1.25), 'delta': (-3.0, 3.0)}
_LEAST = 0.005


class Curve(NamedTuple):
    """A loss over one prediction at one target.

    Attributes:
        y: The target.
        prediction: What a graph reads as ``p``: probabilities, or values as they are.
        raw: What the network gives: scores (logits) of those probabilities, or the same values.
        value: The loss; like the gradients NaN or infinite where it is so.
        by_prediction: Its gradient with respect to ``prediction``.
        by_raw: Its gradient with respect to ``raw``, which is what trains the network.
    """

    y: float
    prediction: tuple[float, ...]
    raw: tuple[float, ...]
    value: tuple[float, ...]
    by_prediction: tuple[float, ...]
    by_raw: tuple[float, ...]

    @property
    def at_target(self) -> float:
        """The loss at the prediction that is nearest to the target."""
        return min(zip(self.prediction, self.value, strict=True), key=lambda point: abs(point[0] - self.y))[1]


def found_loss(tree: Tree, inputs: str, weight: float = 1.0) -> Loss:
    """A loss expression, call by call: what ``SearchedLoss`` gives for each row alone.

    Over one cell the means over pixels and the pools are the cell itself, so all rows are computed at once.

    Args:
        tree: The expression.
        inputs: Name of its kind of input.
        weight: Its ``loss_weight``.
    """
    kind = input_kind('sigmoid' if inputs == 'mask' else inputs)
    tree = Tree(node for node in tree.nodes if node not in OVER_CELLS)

    def loss(pred: Tensor, target: Tensor) -> Tensor:
        program, tensors = read(tree, kind, pred, target)
        return weight * program(tensors).sum(dim=(1, 2, 3))

    return loss


def curve_of(loss: Loss, inputs: str, y: float, points: int = 199, classes: int = CLASSES) -> Curve:
    """Follows a loss over the prediction, with the gradients of autograd.

    Of a softmax one class moves: it has the probability ``p``, and the others share the rest evenly. At y = 1 it is the true
    class, at y = 0 one of the others is.

    Args:
        loss: The loss.
        inputs: Its kind of input, any but ``'area'``.
        y: The target.
        points: How many predictions.
        classes: Classes of a softmax.
    """
    prediction = _predictions(inputs, y, points)
    raw = _raw(prediction, inputs, classes).requires_grad_()
    value = loss(*_call(raw, inputs, y, classes))
    by_raw = slope(value, raw)
    stretch = prediction * (1 - prediction) if inputs in SCORES else torch.ones_like(prediction)  # of a softmax, too
    return Curve(y, *(_floats(each) for each in (prediction, raw, value, by_raw / stretch, by_raw)))


def slope(value: Tensor, at: Tensor) -> Tensor:
    """The derivative of each value with respect to its own place; 0 where a loss does not depend on it."""
    if not value.requires_grad:
        return torch.zeros_like(at)
    gradient = torch.autograd.grad(value.sum(), at, allow_unused=True)[0]
    return torch.zeros_like(at) if gradient is None else gradient


def curves_table(curves: dict[str, tuple[Curve, ...]]) -> Table:
    """Curves by the name of their loss as a table; None where a number is not finite."""
    columns = ('loss', 'y', 'prediction', 'raw', 'value', 'by_prediction', 'by_raw')
    rows = (
        (name, curve.y, *map(finite, point))
        for name, group in curves.items()
        for curve in group
        for point in zip(*curve[1:], strict=True)
    )
    return Table(columns, tuple(rows))


def finite(value: float) -> float | None:
    """A number to six digits, or None where it is none."""
    return float(f'{value:.6g}') if math.isfinite(value) else None


def _predictions(inputs: str, y: float, points: int) -> Tensor:
    low, high = _REACH.get(inputs, (_LEAST, 1 - _LEAST))
    start = y if inputs == 'delta' else 0.0
    return start + torch.linspace(low, high, points, dtype=torch.float64)


def _raw(prediction: Tensor, inputs: str, classes: int) -> Tensor:
    """The scores that give these probabilities; of a softmax those of the other classes are 0."""
    if inputs not in SCORES:
        return prediction.clone()
    return prediction.logit() + (math.log(classes - 1) if inputs == 'softmax' else 0.0)


def _call(raw: Tensor, inputs: str, y: float, classes: int) -> tuple[Tensor, Tensor]:
    pred = raw.view(-1, 1, 1, 1)
    if inputs != 'softmax':
        return pred, torch.full_like(pred, y).detach()
    others = pred.new_zeros(len(raw), classes - 1, 1, 1)
    return torch.cat([pred, others], dim=1), torch.full((len(raw), 1, 1), int(y != 1))


def _floats(values: Tensor) -> tuple[float, ...]:
    return tuple(values.detach().tolist())
