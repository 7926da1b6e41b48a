"""A sample of a probe, or a part of it, as the arrays on which compiled code descends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmautoloss.losses import InputKind, definition
from mmautoloss.losses.inputs.rows import as_nchw
from mmautoloss.screen.native import activations, descent
from mmautoloss.screen.native.layout import flat
from mmautoloss.screen.native.lowering import Lowered
from mmautoloss.screen.native.operators import forward
from mmautoloss.screen.native.pools import neighbours
from mmautoloss.screen.native.scratch import take
from mmautoloss.screen.probe import Sample


class DescentSettings(NamedTuple):
    """The settings of a descent: number of the optimiser, steps, step size, and whether it falls to 0."""

    optimizer: int
    steps: int
    rate: float
    decay: bool


def divisor_of(sample: Sample, kind: InputKind) -> float:
    """What ``SearchedLoss`` divides the sum over a sample by."""
    return float(definition.divisor_of(sample.rows(kind), sample.avg_factor))


class SampleArrays:
    """Predictions and targets, ready for any expression of one kind of input.

    Args:
        kind: What expressions read.
        sample: The calls of a loss.
        divisor: What the sum of the loss is divided by; of a part that of the whole, so that each element has the
            gradient that it has there.

    Attributes:
        raw: The raw predictions that count, as they are now: a line as ``layout.flat`` makes it.
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
        self._elements = sample.pred[rows.index].numel()  # of masks all classes, as in the plain test
        self.raw = self._start.copy()
        self._moved, self._speed, self._spread, self._raw_slopes = (np.zeros_like(self._start) for _ in range(4))

    @property
    def size(self) -> int:
        """Number of elements (N * C * H * W) of what an expression reads."""
        return self._seed.size

    @property
    def moved(self) -> bool:
        """Whether the predictions are elsewhere than at the start."""
        return bool(self._moved.any())

    def _count(self) -> np.ndarray:
        """How many elements count, of each channel and then of each position; at least 1."""
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

    def load(self, program: Lowered) -> None:
        """Takes up an expression; the predictions go back to where they begin."""
        self._program = program
        self._values, self._slopes = take(len(program.live) + 1, self.size)  # one more is scratch
        for row, values in enumerate(self._inputs):
            self._values[row] = values
        for row, value in program.constants.items():
            self._values[row] = value
        for state in (self._moved, self._speed, self._spread):
            state[:] = 0
        self.raw[:] = self._start
        forward(program.code, 0, program.first, self._values, self._counts, self._geometry, self._valid, self._near)

    def gradient(self) -> np.ndarray:
        """Gradient of the loss at the predictions as they are now, shaped as ``raw``; overwritten by the next call."""
        p = self._program
        descent.gradient(
            p.code, p.first, p.root, p.live, p.logarithms, self._activation, self.raw, self._target, self._values,
            self._slopes, self._raw_slopes, self._seed, self._counts, self._geometry, self._valid, self._near,
        )  # fmt: skip
        return self._raw_slopes

    def descend(self, settings: DescentSettings, begin: int, end: int) -> int:
        """Makes the steps from ``begin`` to ``end`` of a descent; returns how it ended (``descent``)."""
        p = self._program
        return descent.descend(
            p.code, p.first, p.root, p.live, p.logarithms, self._activation, self._start, self._unit, self._moved,
            self.raw, self._target, self._values, self._slopes, self._raw_slopes, self._seed, self._counts, self._geometry,
            self._valid, self._near, begin, end, settings.steps, settings.rate, settings.decay, settings.optimizer,
            self._speed, self._spread, self._elements,
        )  # fmt: skip


def direction_on(kind: InputKind, sample: Sample, direction: Tensor) -> np.ndarray:
    """What of a tensor of the prediction's shape belongs to predictions that count, as a line like ``SampleArrays.raw``."""
    return flat(as_nchw(sample.rows(kind, direction).pred))
