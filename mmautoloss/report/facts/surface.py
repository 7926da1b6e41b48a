"""The values of a box loss over the shift and scale of the predicted box."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mmautoloss.report.facts.curves import Loss, finite, slope
from mmautoloss.report.facts.table import Table

SIDE = 100.0
"""Side of the target box, in pixels; the unit of shifts and scales is this side."""

FARTHEST = 1.5
LEAST = 0.25
"""Largest shift and smallest scale that are evaluated."""


class BoxLine(NamedTuple):
    """A loss over the shift or the scale of the predicted box.

    Attributes:
        moved: ``'shift'`` (a box of the target's size moves along x) or ``'scale'`` (both sides grow about the centre).
        at: The shift or the scale, in sides of the target.
        value: The loss.
        slope: Its derivative with respect to ``at``.
    """

    moved: str
    at: tuple[float, ...]
    value: tuple[float, ...]
    slope: tuple[float, ...]

    @property
    def at_target(self) -> float:
        """The loss of the box that is nearest to the target."""
        return self.value[_nearest(self.at, 0.0 if self.moved == 'shift' else 1.0)]


class Surface(NamedTuple):
    """A loss over shift and scale of the predicted box.

    Attributes:
        shift: Shifts along x, in sides of the target.
        scale: Sides of the prediction, in sides of the target, evenly spaced in their logarithm.
        value: Rows of losses, one for each scale.
    """

    shift: tuple[float, ...]
    scale: tuple[float, ...]
    value: tuple[tuple[float, ...], ...]

    @property
    def at_target(self) -> float:
        """The loss of the box that is nearest to the target."""
        return self.value[_nearest(self.scale, 1.0)][_nearest(self.shift, 0.0)]


def box_lines(loss: Loss, points: int = 121) -> tuple[BoxLine, BoxLine]:
    """Evaluates a loss over the shift and over the scale of a box."""
    shift = torch.linspace(0, FARTHEST, points, dtype=torch.float64)
    scale = torch.linspace(LEAST, 2.5, points, dtype=torch.float64)
    return _line(loss, 'shift', shift), _line(loss, 'scale', scale)


def surface_of(loss: Loss, points: int = 41) -> Surface:
    """A loss over a grid of shifts and scales."""
    shift = torch.linspace(0, FARTHEST, points, dtype=torch.float64)
    scale = torch.logspace(-2, 2, points, base=2, dtype=torch.float64)
    rows, columns = torch.meshgrid(scale, shift, indexing='ij')
    with torch.no_grad():
        value = loss(*_boxes(columns.flatten(), rows.flatten())).view(points, points)
    return Surface(tuple(shift.tolist()), tuple(scale.tolist()), tuple(map(tuple, value.tolist())))


def lines_table(lines: dict[str, tuple[BoxLine, ...]]) -> Table:
    """The lines of losses by name as a table; None where a number is not finite."""
    rows = (
        (name, line.moved, *map(finite, point))
        for name, group in lines.items()
        for line in group
        for point in zip(*line[1:], strict=True)
    )
    return Table(('loss', 'moved', 'at', 'value', 'slope'), tuple(rows))


def surfaces_table(surfaces: dict[str, Surface]) -> Table:
    """The surfaces of losses by name as a table; None where a number is not finite."""
    rows = (
        (name, finite(shift), finite(scale), finite(value))
        for name, surface in surfaces.items()
        for scale, values in zip(surface.scale, surface.value, strict=True)
        for shift, value in zip(surface.shift, values, strict=True)
    )
    return Table(('loss', 'shift', 'scale', 'value'), tuple(rows))


def _nearest(points: tuple[float, ...], target: float) -> int:
    return min(range(len(points)), key=lambda index: abs(points[index] - target))


def _line(loss: Loss, moved: str, at: Tensor) -> BoxLine:
    at = at.requires_grad_()
    shift = at if moved == 'shift' else torch.zeros_like(at)
    scale = at if moved == 'scale' else torch.ones_like(at)
    value = loss(*_boxes(shift, scale))
    return BoxLine(moved, *(tuple(tensor.detach().tolist()) for tensor in (at, value, slope(value, at))))


def _boxes(shift: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Predicted boxes (K, 4) and target boxes (K, 4)."""
    x, y = 0.5 + shift, torch.full_like(shift, 0.5)
    half = scale / 2
    pred = torch.stack([x - half, y - half, x + half, y + half], dim=1)
    return SIDE * pred, SIDE * pred.new_tensor([0, 0, 1, 1]).expand(len(pred), 4)
