"""Losses whose heads call them in a way of their own: formulas in their place have the same gradient, and are judged."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from mmautoloss.branches import Branch, ModelLoss, find_losses
from mmautoloss.losses import SearchedLoss, input_kind, known_loss, plain_loss
from mmautoloss.proxy.capture import _join, _record_calls
from mmautoloss.proxy.recorded_probe import make_probe
from mmautoloss.screen.calibration import calibrate
from mmautoloss.screen.rejection import RejectionTest

det = pytest.importorskip('mmdet.models.losses', exc_type=ImportError)
seg = pytest.importorskip('mmseg.models.losses', exc_type=ImportError)
pose = pytest.importorskip('mmpose.models.losses', exc_type=ImportError)
heat = pytest.importorskip('mmpose.models.losses.heatmap_loss', exc_type=ImportError)
distributions = pytest.importorskip('mmpose.models.losses.classification_loss', exc_type=ImportError)
teacher = pytest.importorskip('mmpose.models.losses.logit_dis_loss', exc_type=ImportError)
pre = pytest.importorskip('mmpretrain.models.losses', exc_type=ImportError)

KL = 'y * (log(y) - log(p))'


class Case(NamedTuple):
    """A loss and a call of it.

    Attributes:
        loss: The hand-made loss.
        logits: Makes what a network gives.
        call: Makes the arguments of the call from that.
        inputs: Kind of input that it should have.
        formula: What the loss computes, but for constants.
        scale: Its factor.
        constant: Whether the hand-made loss has a constant besides.
    """

    loss: nn.Module
    logits: Callable[[], Tensor]
    call: Callable[[Tensor], tuple[Any, ...]]
    inputs: str
    formula: str
    scale: float = 1.0
    constant: bool = False


def randn(*shape: int) -> Callable[[], Tensor]:
    return lambda: torch.randn(shape, generator=torch.Generator().manual_seed(3))


def rand(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(4))


def heat_maps() -> Tensor:
    maps = 0.9 * rand(2, 3, 8, 8)
    maps[:, :, 2, 3] = 1
    return maps


SEEN = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
AREAS = torch.tensor([900.0, 2500.0])
SIGMAS = torch.tensor([0.05, 0.1, 0.2])
OKS = pose.OKSLoss(reduction='none', loss_weight=3.0)
OKS.register_buffer('sigmas', SIGMAS)
POINTS = 50 * rand(2, 3, 2)
PEAKS = (-0.8 * (torch.arange(6) - 5 * rand(2, 3, 1)).abs()).exp()
MASK = (rand(2, 9) > 0.4).float()
PIXELS = (rand(2, 1, 6, 6) > 0.4).float()

CASES = {
    'patches': Case(
        pre.PixelReconstructionLoss('L2'), randn(2, 9, 4), lambda x: (x, rand(2, 9, 4), MASK), 'delta', '(p - y) ** 2', 1 / 4
    ),
    'pixels': Case(
        pre.PixelReconstructionLoss('L1', 3), randn(2, 3, 6, 6), lambda x: (x, rand(2, 3, 6, 6), PIXELS), 'delta',
        'abs(p - y)', 1 / 3,
    ),
    'patches without a mask': Case(
        pre.PixelReconstructionLoss('L2'), randn(2, 9, 4), lambda x: (x, rand(2, 9, 4)), 'delta', '(p - y) ** 2', 1 / 4
    ),
    'a teacher': Case(
        det.KnowledgeDistillationKLDivLoss(T=10, loss_weight=0.25), randn(12, 5),
        lambda x: (x, 9 * rand(12, 5), rand(12), 4.0), 'bins', KL, 100 / 5,
    ),
    'keypoints with areas': Case(
        OKS, lambda: POINTS + 3 * randn(2, 3, 2)(), lambda x: (x, POINTS, SEEN, AREAS), 'keypoint',
        known_loss('oks', 'keypoint'), 1.0, True,
    ),
    'likelihoods on two axes': Case(
        heat.MLECCLoss(use_target_weight=True), randn(2, 3, 6),
        lambda x: ((x.softmax(-1), (2 * x).softmax(-1)), (PEAKS, PEAKS), SEEN),
        'bins', '-log(mean_c(p * y))', 1.0, True,
    ),
    'heat maps of probabilities': Case(
        heat.FocalHeatmapLoss(), randn(2, 3, 8, 8), lambda x: (x.sigmoid(), heat_maps(), SEEN), 'peak',
        known_loss('peak_focal', 'peak'), 2 * 64 / 5,
    ),
    'heat maps of probabilities with a mask': Case(
        heat.FocalHeatmapLoss(), randn(2, 3, 8, 8),
        lambda x: (x.sigmoid(), heat_maps(), None, torch.ones(2, 1, 8, 8)), 'peak', known_loss('peak_focal', 'peak'),
        2 * 64 / 6,
    ),
    'heat maps with a depth': Case(
        pose.KeypointMSELoss(use_target_weight=True), randn(2, 3, 2, 8, 8),
        lambda x: (x, rand(2, 3, 2, 8, 8), SEEN), 'heatmap', '(p - y) ** 2', 1 / 3,
    ),
    'axes without weights': Case(
        distributions.KLDiscretLoss(use_target_weight=False), randn(2, 3, 6),
        lambda x: ((x, 2 * x), (rand(2, 3, 6).softmax(-1), rand(2, 3, 6).softmax(-1)), SEEN), 'bins', KL, 1 / 3,
    ),
    'heat maps as distributions': Case(
        distributions.JSDiscretLoss(use_target_weight=True), randn(2, 3, 4, 4),
        lambda x: (*(maps.flatten(2).softmax(-1).view(x.shape) for maps in (x, rand(2, 3, 4, 4))), torch.ones(2, 3)), 'bins',
        '0.5 * (y * log(2 * y / (p + y)) + p * log(2 * p / (p + y)))', 3.0,
    ),
}  # fmt: skip


MASKED = distributions.KLDiscretLoss(mask=[0, 2], mask_weight=0.25, beta=2.0)
NORMED = pose.OKSLoss(norm_target_weight=True)
MOTION = 3 * rand(2, 5, 4, 3)
VIEWS = rand(8, 5) - 0.5

CASES |= {
    'axes of which some keypoints count less': Case(
        MASKED, randn(2, 3, 6), lambda x: ((x, 2 * x), (rand(2, 3, 6).softmax(-1), rand(2, 3, 6).softmax(-1)), SEEN), 'bins',
        KL, 1 / 3,
    ),
    'axes of which the last keypoint counts less': Case(
        distributions.KLDiscretLoss(mask=[-1], mask_weight=0.25), randn(2, 3, 6),
        lambda x: ((x, 2 * x), (rand(2, 3, 6).softmax(-1), rand(2, 3, 6).softmax(-1)), SEEN), 'bins', KL, 1 / 3,
    ),
    'axes of which some keypoints count less, without weights': Case(
        distributions.KLDiscretLoss(use_target_weight=False, mask=[1], mask_weight=0.5), randn(2, 3, 6),
        lambda x: ((x, 2 * x), (rand(2, 3, 6).softmax(-1), rand(2, 3, 6).softmax(-1)), SEEN), 'bins', KL, 1 / 3,
    ),
    'keypoints that share the weight of a person': Case(
        NORMED, lambda: POINTS + 20 * randn(2, 3, 2)(), lambda x: (x, POINTS, SEEN, AREAS), 'keypoint',
        known_loss('oks', 'keypoint'), 1.0, True,
    ),
    'logits of a teacher on two axes': Case(
        teacher.KDLoss('loss_logit', True, 10.0), randn(2, 3, 6),
        lambda x: ((x, 3 * x[..., :4]), (4 * rand(2, 3, 6), 4 * rand(2, 3, 4)), 2.0, SEEN), 'bins', KL, 10.0,
    ),
    'points of frames': Case(
        pose.MPJPEVelocityJointLoss(loss_weight=2.0), lambda: MOTION + 0.5 * randn(2, 5, 4, 3)(), lambda x: (x, MOTION),
        'motion', known_loss('mpjpe', 'motion'),
    ),
    'features of two views': Case(
        pre.CosineSimilarityLoss(2.0, 2.0), randn(8, 5), lambda x: (x, VIEWS), 'direction', '(p - y) ** 2'
    ),
    'features of two views with a mask': Case(
        pre.CosineSimilarityLoss(0.0, 0.5), randn(8, 5), lambda x: (x, VIEWS, (VIEWS[:, 0] > 0).float()), 'direction',
        '-0.5 * p * y',
    ),
    'values of pixels one by one': Case(
        seg.CrossEntropyLoss(reduction='none'), randn(2, 3, 4, 4), lambda x: (x, (3 * rand(2, 4, 4)).long()), 'softmax',
        '-y * log(p)',
    ),
    'a teacher, values one by one': Case(
        det.KnowledgeDistillationKLDivLoss(T=10, reduction='none'), randn(12, 5), lambda x: (x, 9 * rand(12, 5), rand(12)),
        'bins', KL, 100 / 5,
    ),
    'masks as a whole': Case(
        det.DiceLoss(naive_dice=True, eps=1e-6), randn(3, 5, 5),
        lambda x: (x, (rand(3, 5, 5) > 0.5).float(), torch.tensor([1.0, 0.5, 0.0])), 'instance',
        '1 - 2 * mean_c(p * y) / (mean_c(p) + mean_c(y))',
    ),
}  # fmt: skip


class Head(nn.Module):
    out_channels = num_keypoints = 3
    student = SimpleNamespace(head=SimpleNamespace(loss_module=SimpleNamespace(beta=2.0)))  # of a distiller

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss_x = loss


def searched(case: Case) -> tuple[nn.Module, ModelLoss, SearchedLoss]:
    model = nn.Module()
    model.head = Head(case.loss)
    (found,) = find_losses(model)
    weight = getattr(case.loss, 'loss_weight', 1.0) * case.scale
    return model, found, SearchedLoss(case.formula, case.inputs, loss_weight=weight, **found.settings)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def test_the_formula_has_value_and_gradient_of_the_loss(case: Case) -> None:
    _, found, loss = searched(case)
    assert found.inputs == case.inputs, found.reason
    values, gradients = [], []
    for one in (case.loss, loss):
        logits = case.logits().requires_grad_()
        value = one(*case.call(logits)).mean()  # MMEngine takes the mean of what a head logs
        gradients += torch.autograd.grad(value, logits)
        values.append(value.detach())
    size = float(gradients[0].abs().max())
    assert size > 0
    torch.testing.assert_close(gradients[1], gradients[0], rtol=5e-3, atol=2e-3 * size)
    if not case.constant:
        torch.testing.assert_close(values[1], values[0], rtol=1e-4, atol=1e-6)


def test_on_a_recorded_call_losses_are_as_large_as_in_training(case: Case) -> None:
    model, found, loss = searched(case)
    branch = Branch('x', found.path, found.inputs, found.settings)
    heard: list[dict[str, Any]] = []
    handle = _record_calls(case.loss, heard)
    with torch.no_grad():
        case.loss(*case.call(case.logits()))
    handle.remove()
    sample = _join(branch, heard)
    formula = plain_loss(loss.kind.parse(str(case.formula)), case.inputs, sample.settings)
    wanted = loss.loss_weight * sample.gradient(formula)
    size = float(wanted.abs().max())
    torch.testing.assert_close(sample.gradient(branch.objective(model)), wanted, rtol=5e-3, atol=2e-3 * size)


@pytest.mark.parametrize('name', [name for name in CASES if 'count less' in name or 'share the weight' in name])
def test_a_searched_loss_that_is_searched_again_weighs_keypoints_once(name: str) -> None:
    """Their weights are in a recorded call, of which they are rows."""
    case = CASES[name]
    *_, loss = searched(case)
    model = nn.Module()
    model.head = Head(loss)
    (found,) = find_losses(model)
    branch = Branch('x', found.path, found.inputs, found.settings)
    heard: list[dict[str, Any]] = []
    handle = _record_calls(loss, heard)
    with torch.no_grad():
        loss(*case.call(case.logits()))
    handle.remove()
    sample = _join(branch, heard)
    wanted = loss.loss_weight * sample.gradient(
        plain_loss(loss.kind.parse(case.formula), case.inputs, sample.settings)
    )
    torch.testing.assert_close(sample.gradient(branch.objective(model)), wanted)


@pytest.mark.parametrize(
    ('loss', 'remedy'),
    [
        (pose.MPJPEVelocityJointLoss(use_target_weight=True), 'set use_target_weight=False'),
        (pose.OKSLoss(mode='log'), "use mode='linear'"),
        (pose.OKSLoss(reduction='sum'), "use reduction='mean'"),
        (heat.MLECCLoss(mode='square'), "use mode='log'"),
        (heat.MLECCLoss(reduction='sum'), "use reduction='mean'"),
        (distributions.JSDiscretLoss(size_average=False), 'leave it out'),
    ],
)
def test_what_a_formula_does_not_do_is_refused(loss: nn.Module, remedy: str) -> None:
    model = nn.Module()
    model.head = Head(loss)
    (found,) = find_losses(model)
    assert found.inputs is None and found.reason.endswith(remedy)


def test_losses_of_a_wrapper_know_the_channels_of_its_head() -> None:
    model = nn.Module()
    model.head = Head(pose.MultipleLossWrapper([dict(type='SmoothL1Loss'), dict(type='KeypointMSELoss')]))
    assert [found.channels for found in find_losses(model)] == [1, 3]
    branch = Branch('x', 'head.loss_x.loss_modules.1', 'heatmap')
    assert branch.head(model) is model.head


def test_a_centre_at_the_border_of_a_heat_map_is_kept() -> None:
    target = torch.zeros(1, 1, 9, 9)
    target[0, 0, 8, 8] = 1
    pred, small, _ = input_kind('peak').shrink(torch.randn(1, 1, 9, 9), target, None, 4)
    assert small.max() == 1 and pred.shape == small.shape


def test_a_recorded_call_tells_good_from_useless_losses(case: Case) -> None:
    model, found, loss = searched(case)
    branch = Branch('x', found.path, found.inputs, found.settings)
    for one in (case.loss, loss):
        heard: list[dict[str, Any]] = []
        handle = _record_calls(one, heard)
        with torch.no_grad():
            one(*case.call(case.logits()))
        handle.remove()
        probe = make_probe(model, branch, [_join(branch, heard)], [])
        gains = calibrate(RejectionTest(steps=60, lr=0.3), probe, branch.objective(model))
        assert gains.hand_made > 0.4 > max(gains.negated, gains.constant), gains
