"""Decoded boxes: what of two boxes is common, joint and enclosed."""

from __future__ import annotations

import torch
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.losses.inputs.kind import InputKind, Rows

AREA_EPS = 1e-6
"""Least union, enclosure and target area, in the units of the boxes; as in mmdet's IoU losses."""


class Area(InputKind):
    """Decoded boxes (M, 4): areas of intersection ``i``, union ``u`` and enclosing box ``e``.

    Boxes are x1, y1, x2, y2.

    The areas are divided by the area of the target box, so that a loss means the same for small
    and large objects and stays in the range of floats; ratios such as ``i / u`` are those of
    pixels. Definitions as in mmdet's ``bbox_overlaps`` (Rezatofighi et al., CVPR 2019, for the
    enclosing box).
    """

    name = 'area'
    names = ('i', 'u', 'e')
    from_prediction = frozenset({'i', 'u', 'e'})
    from_target = frozenset({'i', 'u', 'e'})
    spread = 0.2
    regression = True

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        if pred.dim() != 2 or pred.shape[1] != 4 or pred.shape != target.shape:
            raise _not_boxes(f'prediction {tuple(pred.shape)} and target {tuple(target.shape)}')
        if weight is None:
            rows = Rows(pred, target, None, torch.arange(len(pred), device=pred.device))
        else:
            per_box = weight.mean(dim=1) if weight.dim() == 2 else weight
            index = (per_box != 0).nonzero().squeeze(1)
            rows = Rows(pred[index], target[index], per_box[index].view(-1, 1, 1, 1), index)
        inverted = (rows.target[:, 2:] < rows.target[:, :2]).any(dim=1)
        if inverted.any():  # box deltas have the shape of boxes, but not their order
            raise _not_boxes(f'the target {rows.target[inverted][0].tolist()}')
        return rows

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        target = target.to(pred.dtype)
        intersection = _area_between(
            torch.maximum(pred[:, :2], target[:, :2]), torch.minimum(pred[:, 2:], target[:, 2:])
        )
        enclosure = _area_between(torch.minimum(pred[:, :2], target[:, :2]), torch.maximum(pred[:, 2:], target[:, 2:]))
        predicted, wanted = _box_area(pred), _box_area(target)
        union = (predicted + wanted - intersection).clamp(min=AREA_EPS)
        scale = wanted.clamp(min=AREA_EPS)
        areas = {'i': intersection, 'u': union, 'e': enclosure.clamp(min=AREA_EPS)}
        return {name: (area / scale).view(-1, 1, 1, 1) for name, area in areas.items()}

    def unit(self, pred: Tensor, target: Tensor) -> Tensor:
        sides = (target[:, 2:] - target[:, :2]).clamp(min=1)
        return torch.cat([sides, sides], dim=1)

    def scatter(self, values: Tensor, unit: Tensor, generator: torch.Generator) -> Tensor:
        """Boxes about the given ones; their corners stay in order."""
        moved = super().scatter(values, unit, generator)
        first, second = moved[:, :2], moved[:, 2:]
        return torch.cat([torch.minimum(first, second), torch.maximum(first, second)], dim=1)


def _not_boxes(got: str) -> SetupError:
    return SetupError(
        f'Inputs "area" need decoded boxes (M, 4) as x1, y1, x2, y2, but got {got}. '
        'Set reg_decoded_bbox=True in this head.'
    )


def _area_between(corner: Tensor, opposite: Tensor) -> Tensor:
    return (opposite - corner).clamp(min=0).prod(dim=1)


def _box_area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
