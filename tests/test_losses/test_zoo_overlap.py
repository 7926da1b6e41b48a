"""Dice, Jaccard and Tversky losses by their published definitions, and those of mmdet and mmseg."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.losses import SearchedLoss, known_loss

CLASSES = 4
TOL = 1e-9


def dice(p: Tensor, y: Tensor) -> Tensor:
    return 1 - 2 * (p * y).sum() / ((p * p).sum() + (y * y).sum())


def naive_dice(p: Tensor, y: Tensor) -> Tensor:
    return 1 - 2 * (p * y).sum() / (p.sum() + y.sum())


def jaccard(p: Tensor, y: Tensor) -> Tensor:
    common = (p * y).sum()
    return 1 - common / (p.sum() + y.sum() - common)


def tversky(p: Tensor, y: Tensor) -> Tensor:
    common, too_much, missing = (p * y).sum(), (p * (1 - y)).sum(), ((1 - p) * y).sum()
    return 1 - common / (common + 0.3 * too_much + 0.7 * missing)


DEFINITIONS = {'dice': dice, 'naive_dice': naive_dice, 'jaccard': jaccard, 'tversky': tversky}


def segmentation(images: int) -> tuple[Tensor, Tensor]:
    """Logits (N, C, H, W) and labels (N, H, W), of which some are ignored."""
    logits = torch.randn(images, CLASSES, 6, 8, dtype=torch.float64)
    labels = torch.randint(0, CLASSES, (images, 6, 8))
    labels[:, :2, :3] = 255
    return logits, labels


@pytest.mark.parametrize('name', DEFINITIONS)
def test_softmax_is_the_sum_over_classes_of_all_pixels_that_count(name, zoo_loss, assert_same):
    logits, labels = segmentation(3)

    def theirs(pred: Tensor, labels: Tensor) -> Tensor:
        keep = labels != 255
        p, y = pred.softmax(dim=1).movedim(1, -1)[keep], F.one_hot(labels[keep], CLASSES)
        return sum(DEFINITIONS[name](p[:, c], y[:, c]) for c in range(CLASSES))

    assert_same(zoo_loss(name, 'softmax', ignore_index=255), theirs, logits, labels, tol=TOL)


@pytest.mark.parametrize('name', DEFINITIONS)
def test_sigmoid_rows_and_masks(name, zoo_loss, assert_same):
    logits = torch.randn(5, 3, 6, 8, dtype=torch.float64)
    masks, classes = torch.randint(0, 2, (5, 6, 8)).double(), torch.tensor([0, 1, 2, 0, 1])

    def theirs(pred: Tensor, masks: Tensor, classes: Tensor) -> Tensor:
        return DEFINITIONS[name](pred.sigmoid()[torch.arange(5), classes], masks)

    assert_same(zoo_loss(name, 'mask'), theirs, logits, masks, classes, tol=TOL)
    rows, targets = logits[:, 0].reshape(-1, 1), masks.reshape(-1, 1)
    binary = lambda pred, y: DEFINITIONS[name](pred.sigmoid(), y)  # noqa: E731
    assert_same(zoo_loss(name, 'sigmoid'), binary, rows, targets, tol=TOL)


def test_naive_dice_of_mmdet(zoo_loss, assert_same):
    losses = pytest.importorskip('mmdet.models.losses', reason='compares with mmdet', exc_type=ImportError)
    logits, mask = torch.randn(1, 1, 6, 8, dtype=torch.float64), torch.randint(0, 2, (1, 6, 8)).double()
    theirs = losses.DiceLoss(naive_dice=True, eps=1e-12)
    ours = zoo_loss('naive_dice', 'mask')
    assert_same(lambda x: ours(x, mask, torch.tensor([0])), lambda x: theirs(x.flatten(1), mask), logits, tol=TOL)


@pytest.fixture
def mmseg_tversky():
    """mmseg's loss: the mean over the classes, of each image."""
    losses = pytest.importorskip('mmseg.models.losses', reason='compares with mmseg', exc_type=ImportError)
    return losses.TverskyLoss


def test_tversky_of_mmseg_without_smooth(mmseg_tversky, zoo_loss, assert_same):
    logits, labels = segmentation(1)
    ours = zoo_loss('tversky', 'softmax', ignore_index=255, loss_weight=1 / CLASSES)
    assert_same(ours, mmseg_tversky(smooth=0), logits, labels, tol=TOL)


def test_smooth_of_mmseg_is_a_constant_of_the_formula(mmseg_tversky, assert_same):
    """By definition: mmseg adds 1 to the sums above and below, the known formula nothing."""
    logits, labels = segmentation(1)
    counted = int((labels != 255).sum())
    text = known_loss('tversky', 'softmax').replace('mean_nhw(p * y)', f'(mean_nhw(p * y) + {1 / counted})')
    ours = SearchedLoss(text, inputs='softmax', ignore_index=255, loss_weight=1 / CLASSES)
    assert_same(ours, mmseg_tversky(), logits, labels, tol=TOL)


def test_a_batch_is_one_sample_where_mmseg_takes_the_mean_of_images(mmseg_tversky, zoo_loss):
    logits, labels = segmentation(3)
    ours = zoo_loss('tversky', 'softmax', ignore_index=255, loss_weight=1 / CLASSES)
    theirs = mmseg_tversky(smooth=0)
    of_images = torch.stack([ours(logits[[n]], labels[[n]]) for n in range(3)]).mean()
    torch.testing.assert_close(of_images, theirs(logits, labels))
    assert abs(ours(logits, labels) - theirs(logits, labels)) > 1e-4
