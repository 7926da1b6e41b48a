"""What libraries divide by, weigh by class and return without reduction, held to their own classes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmautoloss.expr import parse
from mmautoloss.losses import SearchedLoss, known_loss, plain_loss
from mmautoloss.screen.native.sample_arrays import divisor_of
from mmautoloss.screen.probe import Sample

det = pytest.importorskip('mmdet.models.losses', exc_type=ImportError)
seg = pytest.importorskip('mmseg.models.losses', exc_type=ImportError)
pose = pytest.importorskip('mmpose.models.losses', exc_type=ImportError)

CE, BCE, L1, MSE = '-y * log(p)', '-(y * log(p) + (1 - y) * log(1 - p))', 'abs(p - y)', '(p - y) ** 2'
GIOU = '1 - i / u + (e - u) / e'


def uniform(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3))


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def boxes(count: int, generator_seed: int) -> Tensor:
    corners = torch.rand(count, 2, 2, generator=torch.Generator().manual_seed(generator_seed)) * 9
    return torch.cat([corners.amin(1), corners.amax(1) + 1], dim=1)


LABELS, MAP_LABELS = torch.tensor([0, 3, 2, 1, 0, 3]), (uniform(2, 5, 6) * 4).long()
IGNORED = torch.where(uniform(2, 5, 6) > 0.8, 255, MAP_LABELS)
SOME = (uniform(6) > 0.4) * uniform(6)  # weights of rows, some 0
PIXELS = (normal(2, 5, 6) > 0) * uniform(2, 5, 6)  # weights of pixels, most 0
FACTORS = [0.2, 3.0, 1.0, 0.0]
BINARY = torch.where(IGNORED == 255, 255, (MAP_LABELS > 1).long())
ONE_HOT = torch.nn.functional.one_hot(MAP_LABELS, 4).movedim(-1, 1)
OF_KEYPOINTS = torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 1, 1], [0, 2, 0]])
ALL = {'avg_non_ignore': True}
BY_CLASS = {'class_weight': FACTORS, 'average': 'class_weight'}

# the library's loss, expression, inputs, settings of ours, predictions, the rest of the call
CASES: dict[str, tuple[nn.Module, str, str, dict[str, Any], Tensor, list[Any], dict[str, Any]]] = {
    'rows': (det.CrossEntropyLoss(), CE, 'softmax', {}, normal(6, 4), [LABELS], {}),
    'rows with weights': (det.CrossEntropyLoss(), CE, 'softmax', {}, normal(6, 4), [LABELS, SOME], {}),
    'rows with avg_factor': (
        det.CrossEntropyLoss(), CE, 'softmax', {}, normal(6, 4), [LABELS, SOME], {'avg_factor': 9.0},
    ),
    'rows by class': (
        det.CrossEntropyLoss(class_weight=FACTORS), CE, 'softmax', {'class_weight': FACTORS}, normal(6, 4),
        [LABELS, SOME], {},
    ),
    'rows by class with avg_factor': (
        det.CrossEntropyLoss(class_weight=FACTORS), CE, 'softmax', {'class_weight': FACTORS}, normal(6, 4),
        [LABELS, SOME], {'avg_factor': 9.0},
    ),
    'ignored rows': (
        det.CrossEntropyLoss(ignore_index=3, avg_non_ignore=True), CE, 'softmax', {'ignore_index': 3}, normal(6, 4),
        [LABELS, SOME], {},
    ),
    'sigmoid rows': (
        det.CrossEntropyLoss(use_sigmoid=True), BCE, 'sigmoid', {'loss_weight': 1 / 3}, normal(6, 3), [LABELS, SOME],
        {},
    ),
    'sigmoid rows by class': (
        det.CrossEntropyLoss(use_sigmoid=True, class_weight=[0.5, 3.0, 1.0]), BCE, 'sigmoid',
        {'pos_weight': [0.5, 3.0, 1.0]}, normal(6, 3), [LABELS, SOME], {'avg_factor': 9.0},
    ),
    'single numbers': (
        det.CrossEntropyLoss(use_sigmoid=True), BCE, 'sigmoid', {}, normal(6), [uniform(6), SOME], {'avg_factor': 9.0},
    ),
    'deltas': (det.L1Loss(), L1, 'delta', {'loss_weight': 1 / 4}, normal(6, 4), [uniform(6, 4)], {}),
    'deltas with weights': (
        det.L1Loss(), L1, 'delta', {'loss_weight': 1 / 4}, normal(6, 4), [uniform(6, 4), SOME[:, None].repeat(1, 4)],
        {},
    ),
    'boxes with weights': (det.GIoULoss(), GIOU, 'area', {}, boxes(6, 1), [boxes(6, 2), SOME], {}),
    'maps': (seg.CrossEntropyLoss(**ALL), CE, 'softmax', {}, normal(2, 4, 5, 6), [IGNORED], {'ignore_index': 255}),
    'maps with pixel weights': (
        seg.CrossEntropyLoss(**ALL), CE, 'softmax', {}, normal(2, 4, 5, 6), [IGNORED, PIXELS], {'ignore_index': 255},
    ),
    'maps by class': (
        seg.CrossEntropyLoss(class_weight=FACTORS), CE, 'softmax', BY_CLASS, normal(2, 4, 5, 6), [MAP_LABELS],
        {'ignore_index': 255},
    ),
    'maps by class with pixel weights': (
        seg.CrossEntropyLoss(class_weight=FACTORS, **ALL), CE, 'softmax', BY_CLASS, normal(2, 4, 5, 6),
        [MAP_LABELS, PIXELS], {'ignore_index': 255},
    ),
    'maps by class, some ignored': (
        seg.CrossEntropyLoss(class_weight=FACTORS, **ALL), CE, 'softmax', {'ignore_index': 3, **BY_CLASS},
        normal(2, 4, 5, 6), [MAP_LABELS], {'ignore_index': 3},
    ),
    'points of maps by class': (
        seg.CrossEntropyLoss(class_weight=FACTORS), CE, 'softmax', BY_CLASS, normal(2, 4, 6), [MAP_LABELS[:, 0]],
        {'ignore_index': 255},
    ),
    'sigmoid maps': (
        seg.CrossEntropyLoss(use_sigmoid=True, **ALL), BCE, 'sigmoid', {'loss_weight': 1 / 4}, normal(2, 4, 5, 6),
        [IGNORED, PIXELS], {'ignore_index': 255},
    ),
    'binary maps by class': (
        seg.CrossEntropyLoss(use_sigmoid=True, class_weight=[3.0], **ALL), BCE, 'sigmoid', {'pos_weight': [3.0]},
        normal(2, 1, 5, 6), [BINARY], {'ignore_index': 255},
    ),
    'focal maps by class': (
        seg.FocalLoss(class_weight=FACTORS), '-0.5 * (y * (1 - p) ** 2 * log(p) + (1 - y) * p ** 2 * log(1 - p))',
        'sigmoid', {'class_weight': FACTORS, 'loss_weight': 1 / 4}, normal(2, 4, 5, 6), [ONE_HOT], {},
    ),
    'heat maps': (
        pose.KeypointMSELoss(), MSE, 'heatmap', {'loss_weight': 1 / 3}, normal(4, 3, 6, 5),
        [uniform(4, 3, 6, 5), OF_KEYPOINTS], {},
    ),
    'heat maps without weights': (
        pose.AdaptiveWingLoss(alpha=2, omega=1, epsilon=1, theta=99), 'log(1 + abs(p - y) ** 2)', 'heatmap',
        {'loss_weight': 1 / 3, 'use_target_weight': False}, normal(4, 3, 6, 5),
        [torch.zeros(4, 3, 6, 5), OF_KEYPOINTS], {},
    ),
}  # fmt: skip
UNREDUCED = [name for name in CASES if 'heat' not in name and name != 'boxes with weights']


@pytest.mark.parametrize('case', CASES)
def test_value_and_gradient_are_those_of_the_library(case, assert_same):
    theirs, expression, inputs, settings, pred, rest, more = CASES[case]
    assert_same(SearchedLoss(expression, inputs, **settings), theirs, pred, *rest, tol=1e-6, **more)


@pytest.mark.parametrize('case', CASES)
def test_the_definition_and_the_screen_count_alike(case):
    """What judges and balances losses sees the weights that they are trained with."""
    _, expression, inputs, settings, pred, rest, more = CASES[case]
    loss = SearchedLoss(expression, inputs, **settings)
    plain = {key: value for key, value in settings.items() if key != 'loss_weight'}
    defined = plain_loss(parse(expression), inputs, plain)(pred, *rest, **more) * settings.get('loss_weight', 1)
    wanted = loss(pred, *rest, **more)
    torch.testing.assert_close(defined, wanted)
    weight = rest[1] if len(rest) > 1 else None
    sample = Sample(pred, rest[0], weight, more.get('avg_factor'), more.get('ignore_index'), plain)
    total = loss(pred, *rest, reduction_override='none', **{'ignore_index': more.get('ignore_index')}).sum()
    torch.testing.assert_close(total / divisor_of(sample, loss.kind), wanted)


@pytest.mark.parametrize('case', UNREDUCED)
def test_without_reduction_the_shape_is_that_of_the_library(case):
    theirs, expression, inputs, settings, pred, rest, more = CASES[case]
    loss = SearchedLoss(expression, inputs, **{**settings, 'loss_weight': 1.0})
    wanted = theirs(pred, *rest, reduction_override='none', **more)
    found = loss(pred, *rest, reduction_override='none', **more)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    assert found.shape == wanted.shape


def test_pisa_weighs_what_it_gets():
    """Its classification-aware regression multiplies (M, 4) with (M, 1)."""
    pisa = pytest.importorskip('mmdet.models.losses.pisa_loss')
    labels = torch.tensor([0, 1, 2, 0, 3, 3])
    calls = [normal(6, 4), labels, normal(6, 4), uniform(6, 4)]
    wanted = pisa.carl_loss(*calls, det.L1Loss(), num_class=3)['loss_carl']
    found = pisa.carl_loss(*calls, SearchedLoss(L1, 'delta'), num_class=3)['loss_carl']
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize('sigmoid', [False, True], ids=['softmax', 'sigmoid'])
def test_importance_based_reweighting_gets_the_same_weights(sigmoid):
    pisa = pytest.importorskip('mmdet.models.losses.pisa_loss')
    from mmdet.models.task_modules.coders import DeltaXYWHBBoxCoder
    from mmengine.structures import InstanceData

    labels = torch.tensor([0, 1, 1, 0, 3, 3])
    expression, inputs = (known_loss('bce', 'sigmoid'), 'sigmoid') if sigmoid else (CE, 'softmax')
    found = [
        pisa.isr_p(
            normal(6, 3 if sigmoid else 4), normal(6, 4), (labels, torch.ones(6), uniform(6, 4), torch.ones(6, 4)),
            torch.cat([torch.zeros(6, 1), boxes(6, 4)], 1),
            [InstanceData(pos_assigned_gt_inds=torch.tensor([0, 1, 1, 0]))], loss, DeltaXYWHBBoxCoder(), num_class=3,
        )[1]
        for loss in (det.CrossEntropyLoss(use_sigmoid=sigmoid), SearchedLoss(expression, inputs))
    ]  # fmt: skip
    torch.testing.assert_close(found[1], found[0])
    assert not bool((found[0] == 1).all())
