"""The values and gradients of a loss over a single prediction."""

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
"""Values (K,) of K independent calls, from raw predictions and targets in the format of the kind of input.

Predictions are maps of one pixel (K, C, 1, 1) with targets of the same shape, for ``softmax`` labels (K, 1, 1); for
``area`` both are boxes (K, 4).
"""

SCORES = ('softmax', 'sigmoid', 'mask', 'bins', 'quality', 'instance', 'peak')
"""Kinds of input whose expressions read probabilities computed from raw scores."""

DRAWN_AS = {'mask': 'sigmoid', 'bins': 'softmax', 'quality': 'sigmoid', 'instance': 'sigmoid', 'peak': 'sigmoid'}
"""Kinds of input whose curves are those of another kind: bins at a distribution that is one bin, qualities of 1 (0 for
background)."""

NOT_DRAWN = ('triplet', 'pairs', 'cosine', 'direction')
"""Kinds of input without curves: what they read depends on several predictions at once."""

CLASSES = 3
"""Number of softmax classes where it is unknown."""

TARGETS = (1.0, 0.0)
"""The targets for which curves are drawn."""

OVER_CELLS = frozenset({'mean_nhw', 'maxpool', 'minpool'})
"""Operators over several cells; each is the identity on a single cell."""

_RANGES = {'heatmap': (-0.25, 1.25), 'delta': (-3.0, 3.0), 'keypoint': (-3.0, 3.0), 'motion': (-3.0, 3.0)}
_MIN_PROBABILITY = 0.005


class Curve(NamedTuple):
    """A loss over one prediction at one target.

    Attributes:
        y: The target.
        prediction: The input ``p`` of the expression: probabilities, or unchanged values.
        raw: The output of the network: scores (logits) of those probabilities, or the same values.
        value: The loss; like the gradients it may be NaN or infinite.
        by_prediction: Its gradient with respect to ``prediction``.
        by_raw: Its gradient with respect to ``raw``, which trains the network.
    """

    y: float
    prediction: tuple[float, ...]
    raw: tuple[float, ...]
    value: tuple[float, ...]
    by_prediction: tuple[float, ...]
    by_raw: tuple[float, ...]

    @property
    def at_target(self) -> float:
        """The loss at the prediction nearest to the target."""
        return min(zip(self.prediction, self.value, strict=True), key=lambda point: abs(point[0] - self.y))[1]


def found_loss(tree: Tree, inputs: str, weight: float = 1.0, elapsed: float = 1.0) -> Loss:
    """A loss that gives for each row the value of ``SearchedLoss`` on that row alone.

    On a single cell, means over pixels and pools are the identity, so all rows are computed at once.

    Args:
        tree: The expression.
        inputs: Name of its kind of input.
        weight: Its ``loss_weight``.
        elapsed: The elapsed share of the training.
    """
    kind = input_kind(DRAWN_AS.get(inputs, inputs))
    nodes = (node for node in tree.nodes if node not in OVER_CELLS)
    tree = Tree('y' if node == 'q' and inputs in ('quality', 'peak') else node for node in nodes)

    def loss(pred: Tensor, target: Tensor) -> Tensor:
        program, tensors = read(tree, kind, pred, target, elapsed)
        return weight * program(tensors).sum(dim=(1, 2, 3))

    return loss


def curve_of(loss: Loss, inputs: str, y: float, points: int = 199, classes: int = CLASSES) -> Curve:
    """Evaluates a loss over the prediction, with gradients by autograd.

    For a softmax, one class has the probability ``p`` and the others share the rest evenly. At y = 1 this class is the
    true one, at y = 0 another class is.

    Args:
        loss: The loss.
        inputs: Its kind of input, any but ``'area'``.
        y: The target.
        points: Number of predictions.
        classes: Number of softmax classes.
    """
    prediction = _predictions(inputs, y, points)
    raw = _raw(prediction, inputs, classes).requires_grad_()
    value = loss(*_call(raw, inputs, y, classes))
    by_raw = slope(value, raw)
    # the derivative of the probability by the score, of a softmax as of a sigmoid
    derivative = prediction * (1 - prediction) if inputs in SCORES else torch.ones_like(prediction)
    return Curve(y, *(_floats(column) for column in (prediction, raw, value, by_raw / derivative, by_raw)))


def slope(value: Tensor, at: Tensor) -> Tensor:
    """The derivative of each value with respect to its own input; 0 where the loss does not depend on it."""
    if not value.requires_grad:
        return torch.zeros_like(at)
    gradient = torch.autograd.grad(value.sum(), at, allow_unused=True)[0]
    return torch.zeros_like(at) if gradient is None else gradient


def curves_table(curves: dict[str, tuple[Curve, ...]]) -> Table:
    """The curves of losses by name as a table; None where a number is not finite."""
    columns = ('loss', 'y', 'prediction', 'raw', 'value', 'by_prediction', 'by_raw')
    rows = (
        (name, curve.y, *map(finite, point))
        for name, group in curves.items()
        for curve in group
        for point in zip(*curve[1:], strict=True)
    )
    return Table(columns, tuple(rows))


def finite(value: float) -> float | None:
    """A number to six digits; None where it is not finite."""
    return float(f'{value:.6g}') if math.isfinite(value) else None


def _predictions(inputs: str, y: float, points: int) -> Tensor:
    low, high = _RANGES.get(inputs, (_MIN_PROBABILITY, 1 - _MIN_PROBABILITY))
    start = y if inputs in ('delta', 'keypoint', 'motion') else 0.0
    return start + torch.linspace(low, high, points, dtype=torch.float64)


def _raw(prediction: Tensor, inputs: str, classes: int) -> Tensor:
    """The scores that give these probabilities, where the other classes of a softmax have the score 0."""
    if inputs not in SCORES:
        return prediction.clone()
    return prediction.logit() + (math.log(classes - 1) if DRAWN_AS.get(inputs, inputs) == 'softmax' else 0.0)


def _call(raw: Tensor, inputs: str, y: float, classes: int) -> tuple[Tensor, Tensor]:
    pred = raw.view(-1, 1, 1, 1)
    if DRAWN_AS.get(inputs, inputs) != 'softmax':
        return pred, torch.full_like(pred, y).detach()
    others = pred.new_zeros(len(raw), classes - 1, 1, 1)
    return torch.cat([pred, others], dim=1), torch.full((len(raw), 1, 1), int(y != 1))


def _floats(values: Tensor) -> tuple[float, ...]:
    return tuple(values.detach().tolist())
