"""Decoded boxes: intersection, union and enclosing box of two boxes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.losses.inputs.kind import InputKind
from mmautoloss.losses.inputs.rows import Rows, choose_rows

AREA_EPS = 1e-6
"""Smallest union, enclosing and target area, in the units of the boxes; as in mmdet's IoU losses."""


class Area(InputKind):
    """Decoded boxes (M, 4): areas of intersection ``i``, union ``u`` and enclosing box ``e``.

    Boxes are x1, y1, x2, y2.

    The areas are divided by the area of the target box, so that a loss treats small and large
    objects alike and stays in the range of floats; ratios such as ``i / u`` are the same as in
    pixels. Definitions as in mmdet's ``bbox_overlaps`` (Rezatofighi et al., CVPR 2019, for the
    enclosing box).
    """

    name = 'area'
    names = ('i', 'u', 'e')
    meanings = {
        'i': 'the area that predicted and target box share, divided by the area of the target box',
        'u': 'the area that they cover together, divided by the same',
        'e': 'the area of the smallest box around both, divided by the same',
    }
    from_prediction = frozenset({'i', 'u', 'e'})
    from_target = frozenset({'i', 'u', 'e'})
    spread = 0.2
    regression = True
    metric = 'area_iou'
    activation = 'area'

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        if pred.dim() != 2 or pred.shape[1] != 4 or pred.shape != target.shape:
            raise _not_boxes(f'prediction {tuple(pred.shape)} and target {tuple(target.shape)}')
        per_box = weight.mean(dim=1) if weight is not None and weight.dim() == 2 else weight
        rows = choose_rows(pred, target, per_box)
        inverted = rows.target[:, 2:] < rows.target[:, :2]
        # box deltas have the shape of boxes, but not their order; worth waiting for a device once more
        if inverted.any():
            raise _not_boxes(f'the target {rows.target[inverted.any(dim=1)][0].tolist()}')
        return rows

    def channels(self, pred: Tensor) -> int:
        return 1

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        areas = self.leaves(pred, target, self.names)
        return {name: areas[name] for name in self.names}

    def leaves(self, pred: Tensor, target: Tensor, names: Collection[str]) -> dict[str, Tensor]:
        """The areas, and the tensors from which ``pull_back`` computes gradients."""
        target = target.to(pred.dtype)
        target_area = _area(target[:, 2:] - target[:, :2])
        (first, second), (low, high) = torch.maximum(pred, target).chunk(2, 1), torch.minimum(pred, target).chunk(2, 1)
        # sides of intersection, enclosing box and prediction: negative if corners are in another order
        sides = torch.stack([high - first, second - low, pred[:, 2:] - pred[:, :2]])
        common, enclosing = _area(sides[:2].clamp(min=0)).unbind()
        union = _area(sides[2]) + target_area - common
        scale = target_area.clamp(min=AREA_EPS)
        areas = {'i': common, 'u': union.clamp(min=AREA_EPS), 'e': enclosing.clamp(min=AREA_EPS)}
        ratios = {name: (area / scale).view(-1, 1, 1, 1) for name, area in areas.items()}
        return ratios | {'sides': sides, 'scale': scale, 'union': union, 'enclosing': enclosing}

    def pull_back(
        self, pred: Tensor, target: Tensor, tensors: Mapping[str, Tensor], gradients: Mapping[str, Tensor]
    ) -> Tensor:
        scale, sides = tensors['scale'], tensors['sides']
        of_common, of_union, of_enclosing = (_flat(gradients.get(name), scale) for name in self.names)
        of_union = torch.where(tensors['union'] >= AREA_EPS, of_union, 0)
        of_enclosing = torch.where(tensors['enclosing'] >= AREA_EPS, of_enclosing, 0)
        areas = torch.stack([of_common - of_union, of_enclosing])[:, :, None]
        common, around = torch.where(sides[:2] >= 0, areas * sides[:2].clamp(min=0).flip(2), 0).unbind()
        own, difference = of_union[:, None] * sides[2].flip(1), common - around
        # derivative of the larger of two corners: 1 where it is that of the prediction, 1/2 where both are equal
        first, second = torch.heaviside(pred - target.to(pred.dtype), pred.new_tensor(0.5)).chunk(2, 1)
        return torch.cat([-(around + own + first * difference), common + own - second * difference], dim=1)

    def unit(self, pred: Tensor, target: Tensor) -> Tensor:
        sides = (target[:, 2:] - target[:, :2]).clamp(min=1)
        return torch.cat([sides, sides], dim=1)

    def scatter(self, values: Tensor, unit: Tensor, generator: torch.Generator) -> Tensor:
        """Random boxes around the given ones; their corners stay in order."""
        moved = super().scatter(values, unit, generator)
        first, second = moved[:, :2], moved[:, 2:]
        return torch.cat([torch.minimum(first, second), torch.maximum(first, second)], dim=1)


def _not_boxes(got: str) -> SetupError:
    return SetupError(
        f'Inputs "area" need decoded boxes (M, 4) as x1, y1, x2, y2, but got {got}. '
        'Set reg_decoded_bbox=True in this head.'
    )


def _area(sides: Tensor) -> Tensor:
    return sides[..., 0] * sides[..., 1]


def _flat(gradient: Tensor | None, scale: Tensor) -> Tensor:
    """The gradient of an area before its division, (M,); 0 for an input that is not read."""
    if gradient is None:
        return torch.zeros_like(scale)
    return gradient.expand(len(scale), 1, 1, 1).flatten() / scale
