"""Sums of known losses equal the sums of the libraries' classes; texts with names stand for their expressions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.expr import parse
from mmautoloss.losses import ZOO, SearchedLoss, expression_of, is_by_name, kinds_by_name

CLASSES, TOL = 4, 1e-9
LIBRARY_TOL = 1e-7  # the libraries add the eps of float32 to a divisor
Loss = Callable[..., Tensor]


def weighted(*parts: tuple[float, Loss]) -> Loss:
    """What a head does with a list of losses."""
    return lambda *call: sum(weight * loss(*call) for weight, loss in parts)


def segmentation(images: int = 1) -> tuple[Tensor, Tensor]:
    """Logits (N, C, H, W) and labels (N, H, W)."""
    return 2 * torch.randn(images, CLASSES, 6, 8, dtype=torch.float64), torch.randint(0, CLASSES, (images, 6, 8))


@pytest.fixture
def mmseg_losses() -> tuple[Loss, Loss]:
    """Cross-entropy and Dice of mmseg."""
    losses = pytest.importorskip('mmseg.models.losses', reason='compares with mmseg', exc_type=ImportError)
    return losses.CrossEntropyLoss(), losses.DiceLoss(use_sigmoid=False, eps=1e-12)


@pytest.mark.parametrize('weights', [(1, 1), (1, 3), (0.5, 1.37)])
def test_cross_entropy_and_dice_of_mmseg(weights, mmseg_losses, assert_same):
    text = expression_of(f'{weights[0]} * ce + {weights[1]} * joint_dice', 'softmax')
    theirs = weighted(*zip(weights, mmseg_losses, strict=True))
    assert_same(SearchedLoss(text), theirs, *segmentation(), tol=LIBRARY_TOL)


def test_ce_dice_has_the_weights_of_the_u_nets_of_mmseg(mmseg_losses, zoo_loss, assert_same):
    theirs = weighted((1, mmseg_losses[0]), (3, mmseg_losses[1]))
    assert_same(zoo_loss('ce_dice', 'softmax'), theirs, *segmentation(), tol=LIBRARY_TOL)


def test_joint_dice_is_of_all_classes_and_all_pixels_that_count(zoo_loss, assert_same):
    logits, labels = segmentation(3)
    labels[:, :2, :3] = 255

    def theirs(pred: Tensor, labels: Tensor) -> Tensor:
        keep = labels != 255
        p, y = pred.softmax(dim=1).movedim(1, -1)[keep], F.one_hot(labels[keep], CLASSES)
        return 1 - 2 * (p * y).sum() / ((p * p).sum() + (y * y).sum())

    assert_same(zoo_loss('joint_dice', 'softmax', ignore_index=255), theirs, logits, labels, tol=TOL)


@pytest.mark.parametrize('name', ['bce_dice', 'focal_dice'])
def test_sums_of_mmdet_on_one_mask(name, zoo_loss, assert_same):
    losses = pytest.importorskip('mmdet.models.losses', reason='compares with mmdet', exc_type=ImportError)
    logits, mask = 2 * torch.randn(48, 1, dtype=torch.float64), torch.randint(0, 2, (48, 1))
    dice, bce = losses.DiceLoss(naive_dice=True, eps=1e-12), losses.CrossEntropyLoss(use_sigmoid=True)
    theirs = {
        'bce_dice': lambda x: bce(x, mask.double()) + dice(x.T, mask.T),
        'focal_dice': lambda x: 20 * losses.FocalLoss()(x, mask.double()) + dice(x.T, mask.T),
    }
    tol = 1e-6 if name == 'focal_dice' else LIBRARY_TOL  # mmdet's focal loss is one of float32
    assert_same(lambda x: zoo_loss(name, 'sigmoid')(x, mask.double()), theirs[name], logits, tol=tol)
    maps, masks = logits.view(1, 1, 6, 8), mask.view(1, 6, 8).double()
    ours = zoo_loss(name, 'mask')
    assert_same(lambda x: ours(x, masks, torch.tensor([0])), lambda x: theirs[name](x.view(48, 1)), maps, tol=tol)


def test_focal_and_dice_of_exclusive_classes(zoo_loss, assert_same):
    """By the definition of MONAI's DiceFocalLoss, which averages both over the classes where this loss sums."""
    logits, labels = segmentation(2)

    def theirs(pred: Tensor, labels: Tensor) -> Tensor:
        p, y = pred.softmax(dim=1), F.one_hot(labels, CLASSES).movedim(-1, 1)
        dims = (0, 2, 3)
        dice = 1 - 2 * (p * y).sum(dims) / (p.sum(dims) + y.sum(dims))
        return dice.mean() + (-((1 - p) ** 2) * y * p.log()).mean()

    ours = zoo_loss('focal_softmax_dice', 'softmax', loss_weight=1 / CLASSES)
    assert_same(ours, theirs, logits, labels, tol=TOL)


SUMS = {
    name: loss.source.partition(',')[0] for name, loss in ZOO.items() if name.endswith('_dice') and '+' in loss.source
}


@pytest.mark.parametrize('name', SUMS)
def test_a_sum_is_what_its_source_says(name):
    assert len(SUMS) == 4
    for inputs in ZOO[name].inputs:
        assert parse(expression_of(SUMS[name], inputs)) == parse(ZOO[name].expression)
    assert set(kinds_by_name(SUMS[name])) >= set(ZOO[name].inputs)


TEXTS = [
    ('ce', 'softmax', '-y * log(p)'),
    ('ce + 0.5 * mse', 'softmax', '-y * log(p) + 0.5 * (p - y) ** 2'),
    ('1e-3*l1', 'delta', '0.001 * abs(p - y)'),
    ('(l1 + mse) / 2', 'heatmap', '(abs(p - y) + (p - y) ** 2) / 2'),
    ('y * mse', 'softmax', 'y * (p - y) ** 2'),
    ('1 - iou', 'area', '1 - (1 - i / u)'),
    ('p  *  y', 'softmax', 'p  *  y'),  # no names: as it is, for the parser to read or to refuse
    ('p +', 'softmax', 'p +'),
    ('ce(p)', 'softmax', 'ce(p)'),  # a call
]


@pytest.mark.parametrize(('text', 'inputs', 'expression'), TEXTS)
def test_names_stand_for_their_expressions(text, inputs, expression):
    assert expression_of(text, inputs) == expression


WRONG = [
    ('ce + dicee', 'softmax', r"Unknown input 'dicee' \(there are: p, y, ce, .*dice, "),
    ('ce + dice', 'sigmoid', 'inputs "sigmoid" are .* but got \'ce\', which is for softmax'),
    ('ce + i', 'softmax', "Unknown input 'i'"),
    ('ce +', 'softmax', 'Cannot read'),
    ('+'.join(['tversky'] * 20), 'softmax', 'may have 400 nodes'),
    ('ce + dice', 'boxes', 'Inputs must be one of'),
]


@pytest.mark.parametrize(('text', 'inputs', 'message'), WRONG)
def test_wrong_texts(text, inputs, message):
    with pytest.raises(SetupError, match=message):
        expression_of(text, inputs)


def test_no_path_is_taken_for_a_sum():
    assert not any(map(is_by_name, ('work_dirs/dice', 'dice/journal.jsonl', 'dice_2', 'p * y', 'best_losses.json')))
    assert all(map(is_by_name, ('dice', 'ce + dice', '3*dice')))


def test_kinds_of_a_sum():
    assert kinds_by_name('ce_dice') == ('softmax',)
    assert kinds_by_name('mse + l1') == kinds_by_name('l1')
    assert kinds_by_name('ce + l1') == ()
