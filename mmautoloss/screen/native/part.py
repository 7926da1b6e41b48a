"""A part of a sample that behaves like the whole: few elements, from everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from mmautoloss.losses import InputKind
from mmautoloss.screen.probe import Sample

_TILE = 8
"""Pixels a side of a tile: most windows of a pool lie within."""

_GOLDEN = 0.6180339887
"""Shift from image to image, so that not all begin with the same position."""


def scattered_part(sample: Sample, kind: InputKind, elements: int) -> Sample:
    """Single positions, for expressions that look at no neighbours: of each image a few, or a few rows.

    They are taken at even distances from all, sorted by what is wanted there; so each class keeps its share.

    Args:
        sample: The calls of a loss, joined.
        kind: What expressions read.
        elements: About how many numbers of the prediction are kept.

    Returns:
        Rows (M', C); of maps (N, C, Q, 1). The same sample where it is no larger.
    """
    keys = _wanted(sample, kind)
    if keys.dim() == 1:
        return _rows(sample, _every(keys.argsort(stable=True), elements // sample.pred[0].numel()))
    images, channels = sample.pred.shape[:2]
    orders = keys.flatten(1).argsort(stable=True)
    if elements // (images * channels) >= orders.shape[1]:
        return sample
    index = torch.stack([_every(order, elements // (images * channels), k) for k, order in enumerate(orders)])
    return _of_maps(sample, lambda maps: _pick(maps, index))


def tiled_part(sample: Sample, kind: InputKind, elements: int) -> Sample:
    """Tiles of all images, each an image of its own, for expressions with pools; arguments as above."""
    if sample.pred.dim() != 4:
        return scattered_part(sample, kind, elements)
    height, width = sample.pred.shape[-2:]
    each = (height // _TILE) * (width // _TILE)
    if each <= 1:
        return scattered_rows(sample, kind, elements)
    weight = sample.weight
    if weight is not None and weight.dim() < 3:  # a value an image, or a channel of it
        weight = weight.repeat_interleave(each, dim=0)
    tiles = _of_maps(sample, _cut)
    if weight is not sample.weight:
        tiles = replace(tiles, weight=weight)
    counting = tiles.rows(kind).index  # an ignored area may fill whole tiles
    return scattered_rows(_rows(tiles, counting) if len(counting) else sample, kind, elements)


def scattered_rows(sample: Sample, kind: InputKind, elements: int) -> Sample:
    """Whole images, taken like rows."""
    keys = _wanted(sample, kind).flatten(1).float().mean(dim=1)
    return _rows(sample, _every(keys.argsort(stable=True), elements // max(sample.pred[0].numel(), 1)))


def _wanted(sample: Sample, kind: InputKind) -> Tensor:
    """A number for what is wanted at each position, (M,) or (N, H, W): the class, for values nothing."""
    wanted = kind.tensors(sample.pred.float(), kind.marked(sample.rows(kind))).get('y')
    shape = sample.pred.shape[:1] + sample.pred.shape[2:]
    if wanted is None or kind.regression:
        return torch.zeros(shape)
    strongest, channel = wanted.max(dim=1)
    return ((channel + 1) * (strongest > 0.5)).view(shape)


def _every(order: Tensor, count: int, shift: int = 0) -> Tensor:
    """``count`` entries at even distances, at least one, by position."""
    count = min(max(count, 1), len(order))
    places = (torch.arange(count) + (0.5 + _GOLDEN * shift) % 1) * (len(order) / count)
    return order[places.long()].sort().values


def _rows(sample: Sample, keep: Tensor) -> Sample:
    weight = None if sample.weight is None else sample.weight[keep]
    return replace(sample, pred=sample.pred[keep], target=sample.target[keep], weight=weight)


def _of_maps(sample: Sample, change: Callable[[Tensor], Tensor]) -> Sample:
    """A sample whose maps are changed; what has a value an image stays."""

    def changed(tensor: Tensor) -> Tensor:
        return tensor if tensor.dim() < 3 else change(tensor)

    weight = None if sample.weight is None else changed(sample.weight)
    return replace(sample, pred=changed(sample.pred), target=changed(sample.target), weight=weight)


def _pick(maps: Tensor, index: Tensor) -> Tensor:
    """Positions (N, Q) of maps (N, ..., H, W), as maps (N, ..., Q, 1)."""
    lines = maps.flatten(-2)
    index = index.view(len(index), *[1] * (lines.dim() - 2), -1).expand(*lines.shape[:-1], index.shape[1])
    return lines.gather(-1, index).unsqueeze(-1)


def _cut(maps: Tensor) -> Tensor:
    """Maps (N, ..., H, W) as tiles (N * T, ..., 8, 8); a rest at the edge is left out."""
    down, across = (side // _TILE for side in maps.shape[-2:])
    whole = maps[..., : down * _TILE, : across * _TILE]
    tiles = whole.unflatten(-1, (across, _TILE)).unflatten(-3, (down, _TILE)).movedim((-4, -2), (1, 2))
    return tiles.flatten(0, 2)
