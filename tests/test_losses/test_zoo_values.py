"""Losses of masks, heat maps and coordinates equal those of mmdet, mmpose and torch, in value and gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.expr import parse
from mmautoloss.losses import ZOO, SearchedLoss, known_loss, name_of

KEYPOINTS = 3
TOL = 1e-8


@pytest.fixture
def heatmaps() -> tuple[Tensor, Tensor]:
    """Predictions and targets (N, K, H, W) whose differences lie on both sides of 0.5, and some at 0."""
    target = torch.rand(2, KEYPOINTS, 6, 5, dtype=torch.float64) ** 4
    pred = target + 0.6 * torch.randn(target.shape, dtype=torch.float64)
    target[:, :, 0] = 0
    return pred, target


@pytest.fixture
def pose_losses():
    return pytest.importorskip('mmpose.models.losses', reason='compares with mmpose', exc_type=ImportError)


def test_mse_of_mmpose(heatmaps, pose_losses, zoo_loss, assert_same):
    """mmpose averages over the keypoints, this loss sums over them."""
    ours = zoo_loss('mse', 'heatmap', loss_weight=1 / KEYPOINTS)
    assert_same(ours, pose_losses.KeypointMSELoss(), *heatmaps, tol=TOL)


def test_mse_of_mmpose_with_weights_of_keypoints(heatmaps, pose_losses, zoo_loss, assert_same):
    pred, target = heatmaps
    ours = zoo_loss('mse', 'heatmap', loss_weight=1 / pred.numel(), reduction='sum')
    theirs = pose_losses.KeypointMSELoss(use_target_weight=True)
    for weight in (torch.tensor([[1.0, 0, 1], [0, 0, 1]]), torch.rand(2, KEYPOINTS)):
        assert_same(ours, theirs, pred, target, weight.double(), tol=TOL)


def test_adaptive_wing_of_mmpose(heatmaps, pose_losses, zoo_loss, assert_same):
    pred, target = heatmaps
    apart = (pred - target).abs()
    assert apart.min() < 0.05
    assert apart.max() > 1
    ours = zoo_loss('adaptive_wing', 'heatmap', loss_weight=1 / KEYPOINTS)
    assert_same(ours, pose_losses.AdaptiveWingLoss(), pred, target, tol=TOL)
    assert_same(ours, pose_losses.AdaptiveWingLoss(), pred.float(), target.float(), tol=1e-4)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64], ids=str)
def test_adaptive_wing_is_0_without_a_difference(dtype, zoo_loss):
    target = torch.tensor([0.0, 0.3, 1.0], dtype=dtype).view(1, 3, 1, 1)
    pred = target.clone().requires_grad_()
    value = zoo_loss('adaptive_wing', 'heatmap')(pred, target)
    (gradient,) = torch.autograd.grad(value, pred)
    assert 0 <= value < 1e-10
    assert not gradient.any()


def test_wing_of_mmpose(pose_losses, zoo_loss, assert_same):
    """Its differences are pixels: on both sides of omega = 10."""
    pred, target = 15 * torch.randn(2, 8, KEYPOINTS, 2, dtype=torch.float64)
    ours, theirs = zoo_loss('wing', 'delta'), pose_losses.WingLoss()
    assert (pred - target).abs().min() < 1
    assert (pred - target).abs().max() > 20
    assert_same(lambda x: ours(x.flatten(1), target.flatten(1)), lambda x: theirs(x, target), pred, tol=TOL)


@pytest.mark.parametrize(('name', 'theirs'), {'l1': F.l1_loss, 'smooth_l1': F.smooth_l1_loss}.items())
def test_of_torch_on_heat_maps(name, theirs, heatmaps, zoo_loss, assert_same):
    pred, target = heatmaps
    assert_same(zoo_loss(name, 'heatmap', loss_weight=1 / KEYPOINTS), theirs, 3 * pred, target, tol=TOL)


@pytest.fixture
def masks() -> tuple[Tensor, Tensor, Tensor]:
    """Logits (M, C, H, W), masks (M, H, W) and classes (M,)."""
    logits = 2 * torch.randn(5, 3, 7, 7, dtype=torch.float64)
    return logits, torch.randint(0, 2, (5, 7, 7)).double(), torch.tensor([0, 2, 1, 1, 0])


def test_bce_is_the_mask_loss_of_mmdet(masks, zoo_loss, assert_same):
    losses = pytest.importorskip('mmdet.models.losses', reason='compares with mmdet', exc_type=ImportError)
    theirs = losses.CrossEntropyLoss(use_mask=True)
    assert_same(zoo_loss('bce', 'mask'), lambda *call: theirs(*call).squeeze(), *masks, tol=TOL)


def test_focal_of_mmdet_on_masks(masks, zoo_loss, assert_same):
    losses = pytest.importorskip('mmdet.models.losses', reason='compares with mmdet', exc_type=ImportError)

    def theirs(pred: Tensor, targets: Tensor, classes: Tensor) -> Tensor:
        chosen = pred[torch.arange(len(pred)), classes]
        return losses.FocalLoss()(chosen.view(-1, 1), targets.view(-1, 1))

    assert_same(zoo_loss('focal', 'mask'), theirs, *masks, tol=1e-6)


@pytest.mark.parametrize('inputs', ['softmax', 'sigmoid'])
def test_mse_of_probabilities(inputs, zoo_loss, assert_same):
    """The score of Brier: the sum over the classes, the mean over the pixels."""
    logits, labels = torch.randn(2, 4, 5, 6, dtype=torch.float64), torch.randint(0, 4, (2, 5, 6))
    one_hot = F.one_hot(labels, 4).movedim(-1, 1)

    def theirs(pred: Tensor, _: Tensor) -> Tensor:
        p = pred.softmax(dim=1) if inputs == 'softmax' else pred.sigmoid()
        return 4 * F.mse_loss(p, one_hot.double())

    target = labels if inputs == 'softmax' else one_hot.double()
    assert_same(zoo_loss('mse', inputs), theirs, logits, target, tol=TOL)


def test_focal_loss_of_exclusive_classes() -> None:
    """By definition (Lin et al., ICCV 2017): (1 - p_t) ** 2 times the cross-entropy."""
    pred, labels = torch.randn(20, 5) * 2, torch.arange(20) % 5
    entropy = F.cross_entropy(pred, labels, reduction='none')
    wanted = ((1 - (-entropy).exp()) ** 2 * entropy).mean()
    found = SearchedLoss(known_loss('focal_softmax', 'softmax'))(pred, labels)
    torch.testing.assert_close(found, wanted)


def test_known_losses_are_told_by_their_text() -> None:
    for name, loss in ZOO.items():
        assert name_of(parse(loss.expression)) == name
    assert name_of(parse('p * y')) is None
