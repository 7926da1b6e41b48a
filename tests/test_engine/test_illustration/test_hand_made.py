"""The hand-made losses of the libraries, called as their heads call them, are the formulas that they are known as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope

from mmautoloss.branches import Branch
from mmautoloss.engine.illustration.hand_made import hand_made_losses, loss_of
from mmautoloss.expr import parse
from mmautoloss.losses import ZOO
from mmautoloss.report.facts.curves import CLASSES, TARGETS, curve_of, found_loss
from mmautoloss.report.facts.surface import box_lines, surface_of

LOSSES = [
    ('mmdet', {'type': 'CrossEntropyLoss'}, 'softmax', 'ce'),
    ('mmdet', {'type': 'CrossEntropyLoss', 'use_sigmoid': True}, 'sigmoid', 'bce'),
    ('mmdet', {'type': 'CrossEntropyLoss', 'use_mask': True}, 'mask', 'bce'),
    ('mmdet', {'type': 'FocalLoss'}, 'sigmoid', 'focal'),
    ('mmdet', {'type': 'L1Loss'}, 'delta', 'l1'),
    ('mmdet', {'type': 'SmoothL1Loss'}, 'delta', 'smooth_l1'),
    ('mmdet', {'type': 'MSELoss'}, 'delta', 'mse'),
    ('mmseg', {'type': 'CrossEntropyLoss', 'avg_non_ignore': True}, 'softmax', 'ce'),
    ('mmseg', {'type': 'CrossEntropyLoss', 'use_sigmoid': True, 'avg_non_ignore': True}, 'sigmoid', 'bce'),
    ('mmpose', {'type': 'KeypointMSELoss', 'use_target_weight': True}, 'heatmap', 'mse'),
    ('mmpose', {'type': 'AdaptiveWingLoss'}, 'heatmap', 'adaptive_wing'),
    ('mmpose', {'type': 'BCELoss', 'use_target_weight': True}, 'sigmoid', 'bce'),
    ('mmpretrain', {'type': 'CrossEntropyLoss'}, 'softmax', 'ce'),
    ('mmpretrain', {'type': 'CrossEntropyLoss', 'use_sigmoid': True}, 'sigmoid', 'bce'),
    ('mmpretrain', {'type': 'FocalLoss'}, 'sigmoid', 'focal'),
    ('mmpretrain', {'type': 'LabelSmoothLoss', 'label_smooth_val': 0.1}, 'softmax', 'label_smoothing'),
]


def build(scope: str, settings: dict[str, Any]) -> torch.nn.Module:
    pytest.importorskip(scope, reason='its losses')
    with DefaultScope.overwrite_default_scope(scope):
        return MODELS.build(settings)


@pytest.mark.parametrize(('scope', 'settings', 'inputs', 'name'), LOSSES, ids=lambda value: str(value)[:60])
def test_curves_of_hand_made_losses_are_those_of_their_formulas(
    scope: str, settings: dict[str, Any], inputs: str, name: str
) -> None:
    hand_made = loss_of(build(scope, {**settings, 'loss_weight': 0.5}), inputs, scope)
    found = found_loss(parse(ZOO[name].expression), inputs, 0.5)
    for y in TARGETS:
        one, other = (curve_of(loss, inputs, y, points=40, classes=4) for loss in (hand_made, found))
        for part in ('prediction', 'raw', 'value', 'by_prediction', 'by_raw'):
            assert getattr(one, part) == pytest.approx(getattr(other, part), rel=2e-5, abs=2e-6), part


def test_cross_entropy_is_minus_log_p() -> None:
    curve = curve_of(loss_of(build('mmdet', {'type': 'CrossEntropyLoss'}), 'softmax', 'mmdet'), 'softmax', 1.0)
    p = torch.tensor(curve.prediction, dtype=torch.float64)
    assert curve.value == pytest.approx((-p.log()).tolist(), rel=1e-6)
    assert curve.by_prediction == pytest.approx((-1 / p).tolist(), rel=1e-6)
    assert curve.by_raw == pytest.approx((p - 1).tolist(), rel=1e-6)


@pytest.mark.parametrize(('kind', 'name'), [('GIoULoss', 'giou'), ('IoULoss', 'iou')])
def test_box_losses_are_their_formulas(kind: str, name: str) -> None:
    settings = {'type': kind, 'mode': 'linear'} if kind == 'IoULoss' else {'type': kind}
    hand_made = loss_of(build('mmdet', settings), 'area', 'mmdet')
    found = found_loss(parse(ZOO[name].expression), 'area')
    for one, other in zip(box_lines(hand_made, 30), box_lines(found, 30), strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-5)
        assert one.slope[1:] == pytest.approx(other.slope[1:], abs=1e-4)
    for one, other in zip(surface_of(hand_made, 9).value, surface_of(found, 9).value, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_dice_of_a_map_that_is_the_same_everywhere() -> None:
    """mmseg's class, averaged over the images: one pixel with p and 1 - p of two classes."""
    dice = loss_of(build('mmseg', {'type': 'DiceLoss', 'use_sigmoid': False, 'eps': 0.0}), 'softmax', 'mmseg')
    curve = curve_of(dice, 'softmax', 1.0, classes=2)
    for p, value in zip(curve.prediction, curve.value, strict=True):
        assert value == pytest.approx(1 - 2 * p / (p**2 + (1 - p) ** 2 + 1), rel=1e-6)
    binary = loss_of(build('mmdet', {'type': 'DiceLoss', 'naive_dice': False, 'eps': 0.0}), 'sigmoid', 'mmdet')
    formula = found_loss(parse(ZOO['dice'].expression), 'sigmoid')
    one, other = (curve_of(loss, 'sigmoid', 1.0) for loss in (binary, formula))
    assert one.value == pytest.approx(other.value, rel=1e-6)


def test_losses_that_average_count_by_the_share_of_a_channel() -> None:
    """With 14 keypoints a found loss that is the mean square has the weight 1/14, and the same curve."""
    module = build('mmpose', {'type': 'KeypointMSELoss'})
    hand_made = curve_of(loss_of(module, 'heatmap', 'mmpose', channels=14), 'heatmap', 0.0)
    assert hand_made.value == pytest.approx([p**2 / 14 for p in hand_made.prediction])
    of_another_scope = curve_of(loss_of(module, 'heatmap', 'mmdet', channels=14), 'heatmap', 0.0)
    assert of_another_scope == hand_made  # the library of the loss decides
    maps = torch.zeros(1, 14, 1, 1, dtype=torch.float64)
    maps[0, 3] = hand_made.prediction[-1]
    assert module(maps, torch.zeros_like(maps)).item() == pytest.approx(hand_made.value[-1])


def work_dir(folder: Path, **settings: Any) -> Path:
    (folder / 'search_config.py').write_text('\n'.join(f'{key} = {value!r}' for key, value in settings.items()))
    return folder


def test_losses_are_found_in_the_search_config(tmp_path: Path) -> None:
    heads = {
        'rpn_head': {'type': 'RPNHead', 'loss_cls': {'type': 'CrossEntropyLoss', 'use_sigmoid': True}},
        'roi_head': {'bbox_head': [{'type': 'Shared2FCBBoxHead', 'num_classes': 5}]},
    }
    folder = work_dir(tmp_path, default_scope='mmdet', model={'type': 'FasterRCNN', **heads})
    found = hand_made_losses(
        folder,
        (
            Branch('rpn', 'rpn_head.loss_cls', 'sigmoid'),
            Branch('roi', 'roi_head.bbox_head.0.loss_cls', 'softmax'),
            Branch('box', 'roi_head.bbox_head.0.loss_bbox', 'delta'),
        ),
    )
    assert [loss.name for loss in found.values()] == ['CrossEntropyLoss', 'CrossEntropyLoss', 'SmoothL1Loss']
    assert found['roi'].classes == 6  # five and the background
    assert not any(loss.reason for loss in found.values())


def test_a_heatmap_head_says_how_many_channels(tmp_path: Path) -> None:
    head = {'type': 'HeatmapHead', 'in_channels': 8, 'out_channels': 4}
    folder = work_dir(tmp_path, default_scope='mmpose', model={'type': 'TopdownPoseEstimator', 'head': head})
    (found,) = hand_made_losses(folder, (Branch('heatmap', 'head.loss_module', 'heatmap'),)).values()
    assert found.name == 'KeypointMSELoss'
    assert curve_of(found.loss, 'heatmap', 0.0, 3).value[-1] == pytest.approx(1.25**2 / 4)


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        (None, 'there is no search_config.py'),
        ('model = (', 'search_config.py cannot be read: SyntaxError'),
        ("custom_imports = dict(imports=['gone'], allow_failed_imports=False)", 'cannot be read (SetupError'),
        (
            "model = dict(head=dict(type='Gone', loss=dict(type='Gone')))",
            'the loss of the model cannot be called (KeyError',
        ),
        ("model = dict(type='Gone')", 'the loss of the model cannot be called'),
        (
            "model = dict(head=dict(loss=dict(type='mmautoloss.SearchedLoss', expression='p', inputs='area')))",
            'called',
        ),
    ],
)
def test_what_is_missing_is_told(tmp_path: Path, text: str | None, reason: str) -> None:
    if text is not None:
        (tmp_path / 'search_config.py').write_text(text)
    (found,) = hand_made_losses(tmp_path, (Branch('cls', 'head.loss', 'softmax'),)).values()
    assert found.loss is None and found.classes == CLASSES
    assert reason in found.reason
