"""Small representative parts of a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from mmautoloss.losses import InputKind
from mmautoloss.screen.probe import Sample

_TILE = 8
"""Side of a tile in pixels; most windows of a pool lie within a tile."""

_GOLDEN = 0.6180339887
"""Offset between images, so that they do not all start with the same position."""


def scattered_part(sample: Sample, kind: InputKind, elements: int) -> Sample:
    """Single rows or positions of each image, for expressions that read no neighbours.

    The positions are sorted by target and taken at even distances, so that each class keeps its share.

    Args:
        sample: The calls of a loss, joined.
        kind: Kind of input of the expressions.
        elements: Approximate number of predicted values to keep.

    Returns:
        Rows (M', C), or (N, C, Q, 1) for maps. The sample itself where it is no larger.
    """
    keys = _sort_keys(sample, kind)
    if keys.dim() == 1:
        return _rows(sample, _evenly_spaced(keys.argsort(stable=True), elements // sample.pred[0].numel()))
    images, channels = sample.pred.shape[:2]
    orders = keys.flatten(1).argsort(stable=True)
    if elements // (images * channels) >= orders.shape[1]:
        return sample
    index = torch.stack([_evenly_spaced(order, elements // (images * channels), k) for k, order in enumerate(orders)])
    return _map_tensors(sample, lambda maps: _gather(maps, index))


def tiled_part(sample: Sample, kind: InputKind, elements: int) -> Sample:
    """Tiles of all images, each as a separate image, for expressions with pools; arguments as in ``scattered_part``."""
    if sample.pred.dim() != 4:
        return scattered_part(sample, kind, elements)
    height, width = sample.pred.shape[-2:]
    tiles_per_image = (height // _TILE) * (width // _TILE)
    if tiles_per_image <= 1:
        return scattered_rows(sample, kind, elements)
    weight = sample.weight
    if weight is not None and weight.dim() < 3:  # one value for each image, or for each of its channels
        weight = weight.repeat_interleave(tiles_per_image, dim=0)
    tiles = _map_tensors(sample, _split_into_tiles)
    if weight is not sample.weight:
        tiles = replace(tiles, weight=weight)
    valid = tiles.rows(kind).index  # an ignored area may fill whole tiles
    return scattered_rows(_rows(tiles, valid) if len(valid) else sample, kind, elements)


def scattered_rows(sample: Sample, kind: InputKind, elements: int) -> Sample:
    """Whole images, selected like the rows of ``scattered_part``."""
    keys = _sort_keys(sample, kind).flatten(1).float().mean(dim=1)
    return _rows(sample, _evenly_spaced(keys.argsort(stable=True), elements // max(sample.pred[0].numel(), 1)))


def _sort_keys(sample: Sample, kind: InputKind) -> Tensor:
    """A number for the target class at each position, (M,) or (N, H, W); 0 for a regression."""
    target = kind.tensors(sample.pred.float(), kind.marked(sample.rows(kind))).get('y')
    shape = sample.pred.shape[:1] + sample.pred.shape[2:]
    if target is None or kind.regression:
        return torch.zeros(shape)
    strongest, channel = target.max(dim=1)
    return ((channel + 1) * (strongest > 0.5)).view(shape)


def _evenly_spaced(order: Tensor, count: int, shift: int = 0) -> Tensor:
    """``count`` evenly spaced entries (at least one), in ascending order."""
    count = min(max(count, 1), len(order))
    offsets = (torch.arange(count) + (0.5 + _GOLDEN * shift) % 1) * (len(order) / count)
    return order[offsets.long()].sort().values


def _rows(sample: Sample, keep: Tensor) -> Sample:
    weight = None if sample.weight is None else sample.weight[keep]
    return replace(sample, pred=sample.pred[keep], target=sample.target[keep], weight=weight)


def _map_tensors(sample: Sample, change: Callable[[Tensor], Tensor]) -> Sample:
    """Applies a function to the maps of a sample; tensors with one value for each image stay unchanged."""

    def changed(tensor: Tensor) -> Tensor:
        return tensor if tensor.dim() < 3 else change(tensor)

    weight = None if sample.weight is None else changed(sample.weight)
    return replace(sample, pred=changed(sample.pred), target=changed(sample.target), weight=weight)


def _gather(maps: Tensor, index: Tensor) -> Tensor:
    """The values of maps (N, ..., H, W) at flat positions (N, Q), as maps (N, ..., Q, 1)."""
    lines = maps.flatten(-2)
    index = index.view(len(index), *[1] * (lines.dim() - 2), -1).expand(*lines.shape[:-1], index.shape[1])
    return lines.gather(-1, index).unsqueeze(-1)


def _split_into_tiles(maps: Tensor) -> Tensor:
    """Maps (N, ..., H, W) as tiles (N * T, ..., 8, 8), without the remainder at the edges."""
    down, across = (side // _TILE for side in maps.shape[-2:])
    whole = maps[..., : down * _TILE, : across * _TILE]
    tiles = whole.unflatten(-1, (across, _TILE)).unflatten(-3, (down, _TILE)).movedim((-4, -2), (1, 2))
    return tiles.flatten(0, 2)
