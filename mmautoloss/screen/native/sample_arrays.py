"""A sample of a probe, or a part of it, as arrays for the compiled code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmautoloss.losses import InputKind, definition
from mmautoloss.losses.inputs.rows import as_nchw
from mmautoloss.screen.native import activations, descent
from mmautoloss.screen.native.descent import MOVING, NOT_FINITE
from mmautoloss.screen.native.layout import flat
from mmautoloss.screen.native.lowering import Lowered
from mmautoloss.screen.native.operators import forward
from mmautoloss.screen.native.pools import neighbours
from mmautoloss.screen.native.scratch import take
from mmautoloss.screen.probe import Sample


class DescentSettings(NamedTuple):
    """The settings of a descent: code of the optimizer, steps, step size, and whether the step size falls to 0."""

    optimizer: int
    steps: int
    rate: float
    decay: bool


def divisor_of(sample: Sample, kind: InputKind) -> float:
    """The divisor of the sum over a sample in ``SearchedLoss``."""
    return float(definition.divisor_of(sample.rows(kind), sample.avg_factor))


class SampleArrays:
    """Predictions and targets for the expressions of one kind of input.

    Args:
        kind: Kind of input.
        sample: The call of a loss.
        divisor: Divisor of the sum of the loss; for a part that of the whole sample, so that each element has the same
            gradient.

    Attributes:
        raw: The current raw predictions that count, a flat array (``layout.flat``).
    """

    def __init__(self, kind: InputKind, sample: Sample, divisor: float) -> None:
        rows = sample.rows(kind)
        self._activation = activations.ACTIVATIONS[kind.activation]
        tensors = kind.tensors(rows.pred.float(), kind.marked(rows))
        shape = next(iter(tensors.values())).shape
        weight = torch.ones(shape) if rows.weight is None else rows.weight.float().expand(shape)
        weight = weight if rows.channel_weight is None else weight * rows.channel_weight
        if rows.valid is not None:
            weight = torch.where(rows.valid, weight, 0)
            tensors = {name: torch.where(rows.valid, tensor, 0) for name, tensor in tensors.items()}
        self._valid = np.zeros(0, np.float32) if rows.valid is None else flat(rows.valid.expand(shape).float())
        self._geometry = (shape[1], shape[0] * shape[2] * shape[3], shape[0], shape[0] * shape[3])
        self._near = self._neighbours(shape)
        self._counts = self._count()
        self._seed = flat(weight / divisor)
        self._inputs = [flat(tensors[name]) for name in kind.names]
        pred = as_nchw(rows.pred)
        self._start = flat(pred if rows.valid is None else torch.where(rows.valid, pred, 0))
        self._unit = flat(as_nchw(kind.unit(rows.pred, rows.target).expand(rows.pred.shape)))
        self._target = flat(as_nchw(rows.target)) if kind.activation == 'area' else np.zeros(0, np.float32)
        self._elements = sample.pred[rows.index].numel()  # for masks all classes, as in the plain test
        self.raw = self._start.copy()
        self._shift, self._moment, self._second_moment, self._raw_grad = (np.zeros_like(self._start) for _ in range(4))

    @property
    def size(self) -> int:
        """Number of elements (N * C * H * W) of an input of the expression."""
        return self._seed.size

    @property
    def moved(self) -> bool:
        """Whether the predictions differ from the initial ones."""
        return bool(self._shift.any())

    def _count(self) -> np.ndarray:
        """Number of elements that count in each channel, followed by that in each position; at least 1."""
        channels, positions = self._geometry[:2]
        valid = self._valid.reshape(channels, positions) if self._valid.size else np.ones((channels, positions))
        parts = np.concatenate([valid.sum(axis=1), valid.sum(axis=0)])
        return np.maximum(parts, 1).astype(np.float32)

    def _neighbours(self, shape: torch.Size) -> np.ndarray:
        images, _, height, width = shape
        if height * width == 1 or not images:
            return np.zeros((5, 0), np.float32)
        valid = self._valid if self._valid.size else np.ones(shape.numel(), np.float32)
        return neighbours(valid, height, width, images)

    def load(self, program: Lowered, elapsed: float = 0.0) -> None:
        """Loads an expression at an elapsed share of the training, and resets the predictions."""
        self._program = program
        self._values, self._grads = take(len(program.live) + 1, self.size)  # plus a scratch row
        for row, values in enumerate(self._inputs):
            self._values[row] = values
        for row, value in program.constants.items():
            self._values[row] = value
        for state in (self._shift, self._moment, self._second_moment):
            state[:] = 0
        self.raw[:] = self._start
        self._made = 0
        self._compute_constants(elapsed)

    def _compute_constants(self, elapsed: float) -> None:
        """Computes the steps that do not depend on the prediction."""
        p = self._program
        if p.reads_elapsed:
            self._values[p.elapsed] = elapsed
        forward(p.code, 0, p.first, self._values, self._counts, self._geometry, self._valid, self._near)

    def gradient(self) -> np.ndarray:
        """Gradient of the loss at the current predictions, in the shape of ``raw``; overwritten by the next call."""
        p = self._program
        descent.gradient(
            p.code, p.first, p.root, p.live, p.logarithms, self._activation, self.raw, self._target, self._values,
            self._grads, self._raw_grad, self._seed, self._counts, self._geometry, self._valid, self._near,
        )  # fmt: skip
        return self._raw_grad

    def descend(self, settings: DescentSettings, begin: int, end: int) -> int:
        """Runs steps ``begin`` to ``end`` of a descent; returns the result of ``descent.descend``."""
        if not self._program.reads_elapsed:
            return self._descend(settings, begin, end)
        for step in range(begin, end):
            share = step / settings.steps
            self._compute_constants(share)
            rate = settings.rate * (1 - share if settings.decay else 1)
            state = self._descend(settings._replace(rate=rate, decay=False), self._made, self._made + 1)
            if state == NOT_FINITE:
                return NOT_FINITE
            self._made += state == MOVING  # a step without a gradient does not count, but the next may have one
        return MOVING

    def _descend(self, settings: DescentSettings, begin: int, end: int) -> int:
        p = self._program
        return descent.descend(
            p.code, p.first, p.root, p.live, p.logarithms, self._activation, self._start, self._unit, self._shift,
            self.raw, self._target, self._values, self._grads, self._raw_grad, self._seed, self._counts, self._geometry,
            self._valid, self._near, begin, end, settings.steps, settings.rate, settings.decay, settings.optimizer,
            self._moment, self._second_moment, self._elements,
        )  # fmt: skip


def direction_on(kind: InputKind, sample: Sample, direction: Tensor) -> np.ndarray:
    """The part of a prediction-shaped tensor that belongs to ``SampleArrays.raw``, as a flat array."""
    return flat(as_nchw(sample.rows(kind, direction).pred))
