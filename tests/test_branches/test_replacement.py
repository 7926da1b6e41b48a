"""Losses for models of the libraries that are already built: where they go, what they take over, what is refused."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from torch import nn

pytest.importorskip('mmcv.ops')
pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmautoloss.branches import build_replacements
from mmautoloss.engine import build_model
from mmautoloss.errors import SetupError, in_setup
from tests.isolation import ROOT

SEARCHED = {'type': 'SearchedLoss', 'expression': '-y * log(p)'}
CE, FOCAL = {'type': 'CrossEntropyLoss'}, {'type': 'FocalLoss', 'use_sigmoid': True}


@functools.cache
def config(name: str) -> Config:
    return Config.fromfile(ROOT / 'configs' / f'{name}.py')


def replace(name: str, losses: dict[str, Any], changes: dict[str, Any] | None = None) -> dict[str, nn.Module]:
    cfg = config(name).copy()
    cfg.merge_from_dict({f'model.{key}': value for key, value in (changes or {}).items()})
    model = build_model(cfg)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        return build_replacements(model, losses, lambda loss: in_setup(lambda: MODELS.build(loss)))


def test_a_path_without_numbers_is_that_of_all_stages() -> None:
    everywhere = replace('digits/faster_rcnn', {'roi_head.bbox_head.loss_cls': SEARCHED})
    assert list(everywhere) == ['roi_head.bbox_head.loss_cls']
    stages = replace(
        'transfer/cascade_rcnn',
        {'roi_head.bbox_head.loss_cls': SEARCHED, 'roi_head.bbox_head.1.loss_cls': {**CE, 'loss_weight': 3.0}},
    )
    assert [path.split('.')[2] for path in stages] == ['0', '1', '2']
    assert [type(loss).__name__ for loss in stages.values()] == ['SearchedLoss', 'CrossEntropyLoss', 'SearchedLoss']


def test_a_list_of_losses_is_replaced_one_by_one() -> None:
    names = [{**CE, 'loss_name': 'loss_a'}, {**CE, 'loss_name': 'loss_b', 'loss_weight': 0.3}]
    changes = {'decode_head.loss_decode': names}
    losses = replace('digits/deeplabv3plus', {'decode_head.loss_decode.1': SEARCHED}, changes)
    (loss,) = losses.values()
    assert (loss.loss_name, loss.loss_weight) == ('loss_b', 0.3)
    with pytest.raises(SetupError, match=r"no loss at 'decode_head.loss_decode'.*decode_head.loss_decode.0"):
        replace('digits/deeplabv3plus', {'decode_head.loss_decode': SEARCHED}, changes)


def test_the_name_in_logs_stays() -> None:
    (loss,) = replace('digits/deeplabv3plus', {'auxiliary_head.loss_decode': SEARCHED}).values()
    assert (loss.loss_name, loss.loss_weight) == ('loss_ce', 0.4)
    dice = {'type': 'DiceLoss', 'use_sigmoid': False}
    (loss,) = replace('digits/deeplabv3plus', {'decode_head.loss_decode': dice}).values()
    assert loss.loss_name == 'loss_ce'


FITTING = {
    'rpn_head.loss_cls': {**FOCAL, 'gamma': 1.0},
    'rpn_head.loss_bbox': {'type': 'SmoothL1Loss'},
    'roi_head.bbox_head.loss_cls': {**CE, 'class_weight': [1.0, 2.0]},
    'roi_head.bbox_head.loss_bbox': {'type': 'L1Loss', 'loss_weight': 2.0},
}


def test_losses_of_the_library_that_read_the_same() -> None:
    assert list(replace('digits/faster_rcnn', FITTING)) == list(FITTING)


ERRORS = {
    'boxes': (
        'rpn_head.loss_bbox',
        {'type': 'GIoULoss'},
        "inputs 'delta'.*GIoULoss .inputs 'area'.*reg_decoded_bbox",
    ),
    'sigmoid': ('roi_head.bbox_head.loss_cls', FOCAL, "inputs 'softmax'.*FocalLoss .inputs 'sigmoid'"),
    'same class': ('rpn_head.loss_cls', CE, "inputs 'sigmoid'.*CrossEntropyLoss .inputs 'softmax'"),
    'quality': (
        'rpn_head.loss_cls',
        {'type': 'QualityFocalLoss'},
        "inputs 'sigmoid'.*QualityFocalLoss .inputs 'quality'",
    ),
    'buffers': ('roi_head.bbox_head.loss_cls', {'type': 'SeesawLoss', 'num_classes': 1}, r'buffers \(cum_samples\)'),
    'areas': (
        'rpn_head.loss_bbox',
        {**SEARCHED, 'expression': 'i / u', 'inputs': 'area'},
        'Set reg_decoded_bbox=True',
    ),
    'settings': ('rpn_head.loss_bbox', {'type': 'L1Loss', 'beta': 1}, 'The config cannot be built.*beta'),
}


@pytest.mark.parametrize(('path', 'loss', 'error'), ERRORS.values(), ids=ERRORS)
def test_unfit_losses(path: str, loss: dict[str, Any], error: str) -> None:
    with pytest.raises(SetupError, match=error):
        replace('digits/faster_rcnn', {path: loss})


def test_a_head_that_never_calls_its_loss() -> None:
    with pytest.raises(SetupError, match=r'L1Loss at .* cannot be exchanged: its head never calls it; leave it out'):
        replace(
            'digits/faster_rcnn',
            {'roi_head.bbox_head.loss_bbox': {'type': 'SmoothL1Loss'}},
            {'roi_head.bbox_head.with_reg': False},
        )


def test_a_setting_that_a_formula_would_lose() -> None:
    old = {'rpn_head.loss_cls': {'type': 'CrossEntropyLoss', 'use_sigmoid': True, 'loss_weight': [1.0, 2.0]}}
    with pytest.raises(SetupError, match='its loss_weight must be one finite number'):
        replace('digits/faster_rcnn', {'rpn_head.loss_cls': {**SEARCHED, 'expression': '(p - y) ** 2'}}, old)
    replace('digits/faster_rcnn', {'rpn_head.loss_cls': old['rpn_head.loss_cls']}, old)


def test_values_one_by_one_stay_so() -> None:
    old = {'rpn_head.loss_bbox': {'type': 'L1Loss', 'reduction': 'none'}}
    new = replace('digits/faster_rcnn', {'rpn_head.loss_bbox': {**SEARCHED, 'expression': 'abs(p - y)'}}, old)
    assert new['rpn_head.loss_bbox'].reduction == 'none'
