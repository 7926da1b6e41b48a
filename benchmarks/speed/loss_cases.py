"""The calls that ``loss_cost.py`` times: a hand-made class of a library, and the formula that is the same loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from mmdet.models.losses import CrossEntropyLoss, DiceLoss, GIoULoss, L1Loss
from mmpose.models.losses import KeypointMSELoss
from mmseg.models.losses import CrossEntropyLoss as MapCrossEntropyLoss
from torch import Tensor

from mmautoloss.losses import SearchedLoss, known_loss

Loss = Callable[..., Tensor]
# a Faster R-CNN with FPN on an image of 800 x 1333, padded to 800 x 1344: three anchors a cell, strides 4 to 64
LEVELS = tuple(3 * height * width for height, width in ((200, 336), (100, 168), (50, 84), (25, 42), (13, 21)))
SAMPLED, ROIS, CLASSES = 256, 512, 80


class Case(NamedTuple):
    """One loss at one size.

    Attributes:
        loss: Name in the zoo.
        size: Of the prediction, or what it is of.
        inputs: What the formula reads.
        settings: Further settings of ``SearchedLoss``.
        theirs: The library's class.
        pred: Raw predictions.
        call: ``call(loss, pred)``, as the head calls; takes either loss.
        their_call: The same for the library's class, where that differs.
    """

    loss: str
    size: str
    inputs: str
    settings: dict[str, Any]
    theirs: torch.nn.Module
    pred: Tensor
    call: Callable[[Loss, Tensor], Tensor]
    their_call: Callable[[Loss, Tensor], Tensor] | None = None

    def ours(self, compile: bool) -> SearchedLoss:
        """The formula."""
        return SearchedLoss(known_loss(self.loss, self.inputs), inputs=self.inputs, compile=compile, **self.settings)

    def library(self, pred: Tensor) -> Tensor:
        """The library's value."""
        return (self.their_call or self.call)(self.theirs, pred)


def cross_entropy_of_maps(device: torch.device, scale: int = 1) -> Case:
    """The call of a decode head of mmseg: 4 x 19 x 512 x 512, one pixel in 20 ignored."""
    side = 512 // scale
    labels = torch.randint(19, (4, side, side), device=device)
    labels[torch.rand(labels.shape, device=device) < 0.05] = 255

    def call(loss: Loss, pred: Tensor) -> Tensor:
        return loss(pred, labels, ignore_index=255)

    pred = torch.randn(4, 19, side, side, device=device)
    return Case('ce', f'4x19x{side}x{side}', 'softmax', {}, MapCrossEntropyLoss(avg_non_ignore=True), pred, call)


def cross_entropy_of_rois(device: torch.device, scale: int = 1) -> Case:
    """The call of a box head of mmdet: 512 RoIs x 81."""
    rois = ROIS // scale
    labels = torch.randint(CLASSES + 1, (rois,), device=device)
    weight = torch.ones(rois, device=device)

    def call(loss: Loss, pred: Tensor) -> Tensor:
        return loss(pred, labels, weight, avg_factor=rois)

    pred = torch.randn(rois, CLASSES + 1, device=device)
    return Case('ce', f'{rois} RoIs x {CLASSES + 1}', 'softmax', {}, CrossEntropyLoss(), pred, call)


def dice_of_maps(device: torch.device, scale: int = 1) -> Case:
    """As many elements as the segmentation logits: mmdet's class sums over an instance, the formula over a channel."""
    side = 512 // scale
    masks = (torch.rand(1, 76, side, side, device=device) < 0.3).float()

    def their_call(loss: Loss, pred: Tensor) -> Tensor:
        return loss(pred[0], masks[0])

    pred = torch.randn(masks.shape, device=device)
    theirs = DiceLoss(reduction='sum', eps=1e-12)
    return Case(
        'dice', f'1x76x{side}x{side}', 'sigmoid', {}, theirs, pred, lambda loss, pred: loss(pred, masks), their_call
    )


def mse_of_heatmaps(device: torch.device, scale: int = 1) -> Case:
    """The call of a heat map head of mmpose: 64 x 17 x 64 x 48, one keypoint in five not visible."""
    count = 64 // scale
    target = torch.rand(count, 17, 64, 48, device=device)
    weight = (torch.rand(count, 17, device=device) > 0.2).float()
    settings = {'loss_weight': 1 / target.numel(), 'reduction': 'sum'}  # mmpose averages over what does not count, too
    theirs = KeypointMSELoss(use_target_weight=True)

    def call(loss: Loss, pred: Tensor) -> Tensor:
        return loss(pred, target, weight)

    pred = torch.randn(target.shape, device=device)
    return Case('mse', f'{count}x17x64x48', 'heatmap', settings, theirs, pred, call)


def objectness(device: torch.device, scale: int = 1) -> Case:
    """The calls of an RPN head for its five levels: all anchors, of which 256 have a weight."""
    levels, weight = _anchors(device, scale)
    labels = torch.randint(2, (len(weight),), device=device)
    pred = torch.randn(len(weight), 1, device=device)
    call = _by_level(levels, labels, weight)
    return Case('bce', _size(levels), 'sigmoid', {}, CrossEntropyLoss(use_sigmoid=True), pred, call)


def deltas_of_anchors(device: torch.device, scale: int = 1) -> Case:
    levels, weight = _anchors(device, scale)
    target, pred = (torch.randn(len(weight), 4, device=device) for _ in range(2))
    return Case(
        'l1', _size(levels), 'delta', {}, L1Loss(), pred, _by_level(levels, target, weight[:, None].repeat(1, 4))
    )


def boxes_of_anchors(device: torch.device, scale: int = 1) -> Case:
    levels, weight = _anchors(device, scale)
    target, pred = _boxes(len(weight), device)
    return Case(
        'giou', _size(levels), 'area', {}, GIoULoss(), pred, _by_level(levels, target, weight[:, None].repeat(1, 4))
    )


def deltas_of_rois(device: torch.device, scale: int = 1) -> Case:
    rois = ROIS // scale
    target, pred = (torch.randn(rois, 4, device=device) for _ in range(2))
    return Case('l1', f'{rois} boxes', 'delta', {}, L1Loss(), pred, _of_boxes(target))


def boxes_of_rois(device: torch.device, scale: int = 1) -> Case:
    target, pred = _boxes(ROIS // scale, device)
    return Case('giou', f'{len(target)} boxes', 'area', {}, GIoULoss(), pred, _of_boxes(target))


def _of_boxes(target: Tensor) -> Callable[[Loss, Tensor], Tensor]:
    weight = torch.ones_like(target)
    return lambda loss, pred: loss(pred, target, weight, avg_factor=len(target))


def _anchors(device: torch.device, scale: int) -> tuple[list[int], Tensor]:
    levels = [count // scale for count in LEVELS]
    weight = torch.zeros(sum(levels), device=device)
    weight[torch.randperm(len(weight), device=device)[:SAMPLED]] = 1
    return levels, weight


def _by_level(levels: list[int], target: Tensor, weight: Tensor) -> Callable[[Loss, Tensor], Tensor]:
    targets, weights = target.split(levels), weight.split(levels)

    def call(loss: Loss, pred: Tensor) -> Tensor:
        parts = zip(pred.split(levels), targets, weights, strict=True)
        return sum(loss(*part, avg_factor=SAMPLED) for part in parts)

    return call


def _size(levels: list[int]) -> str:
    return f'RPN, {sum(levels)} anchors'


def _boxes(count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    corner = 500 * torch.rand(count, 2, device=device)
    target = torch.cat([corner, corner + 20 + 100 * torch.rand(count, 2, device=device)], dim=1)
    return target, target + 3 * torch.randn(count, 4, device=device)


CASES = (
    cross_entropy_of_maps,
    cross_entropy_of_rois,
    objectness,
    deltas_of_anchors,
    deltas_of_rois,
    boxes_of_anchors,
    boxes_of_rois,
    dice_of_maps,
    mse_of_heatmaps,
)
"""All, at training size; ``scale`` makes them smaller."""
