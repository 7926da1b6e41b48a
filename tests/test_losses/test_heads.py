"""Real heads of mmdet: formulas give the losses and gradients of the hand-made losses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

pytest.importorskip('mmdet.models', reason='builds heads of mmdet', exc_type=ImportError)
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from mmautoloss.errors import SetupError
from mmautoloss.losses import ZOO

SIZE = 64
CLASSES = 3
CHANNELS = 8
CODER = {'type': 'DeltaXYWHBBoxCoder'}
Config = dict[str, Any]


def searched(name: str, inputs: str, **kwargs: Any) -> Config:
    return {'type': 'SearchedLoss', 'expression': ZOO[name].expression, 'inputs': inputs, **kwargs}


# hand-made losses and their formulas: RPN class, RPN box, RoI class, RoI box
HAND_MADE = {
    'deltas': (
        {'type': 'CrossEntropyLoss', 'use_sigmoid': True},
        {'type': 'L1Loss'},
        {'type': 'CrossEntropyLoss', 'use_sigmoid': False},
        {'type': 'SmoothL1Loss', 'loss_weight': 2.0},
    ),
    'decoded boxes': (
        {'type': 'FocalLoss', 'use_sigmoid': True, 'loss_weight': 3.0},
        {'type': 'GIoULoss', 'loss_weight': 10.0},
        {'type': 'CrossEntropyLoss', 'loss_weight': 2.0},
        {'type': 'GIoULoss'},
    ),
}
FORMULAS = {
    'deltas': (
        searched('bce', 'sigmoid', use_sigmoid=True),
        searched('l1', 'delta'),
        searched('ce', 'softmax', use_sigmoid=False),
        searched('smooth_l1', 'delta', loss_weight=2.0),
    ),
    'decoded boxes': (
        searched('focal', 'sigmoid', use_sigmoid=True, loss_weight=3.0),
        searched('giou', 'area', loss_weight=10.0),
        searched('ce', 'softmax', loss_weight=2.0),
        searched('giou', 'area'),
    ),
}


def assigner(low: float) -> Config:
    return {
        'type': 'MaxIoUAssigner',
        'pos_iou_thr': 0.5,
        'neg_iou_thr': low,
        'min_pos_iou': 0.3,
        'ignore_iof_thr': -1,
    }


def sampler(count: int, add_objects: bool) -> Config:
    return {
        'type': 'RandomSampler',
        'num': count,
        'pos_fraction': 0.5,
        'add_gt_as_proposals': add_objects,
    }


def rpn_head(losses: tuple[Config, ...], decoded: bool) -> nn.Module:
    return MODELS.build(
        {
            'type': 'RPNHead',
            'in_channels': CHANNELS,
            'feat_channels': CHANNELS,
            'anchor_generator': {
                'type': 'AnchorGenerator',
                'scales': [2],
                'ratios': [0.5, 1.0, 2.0],
                'strides': [8, 16],
            },
            'bbox_coder': CODER,
            'reg_decoded_bbox': decoded,
            'loss_cls': losses[0],
            'loss_bbox': losses[1],
            'train_cfg': ConfigDict(
                assigner=assigner(0.3),
                sampler=sampler(32, False),
                allowed_border=-1,
                pos_weight=-1,
            ),
        }
    )


def roi_head(losses: tuple[Config, ...], decoded: bool) -> nn.Module:
    return MODELS.build(
        {
            'type': 'StandardRoIHead',
            'bbox_roi_extractor': {
                'type': 'SingleRoIExtractor',
                'roi_layer': {'type': 'RoIAlign', 'output_size': 3, 'sampling_ratio': 0},
                'out_channels': CHANNELS,
                'featmap_strides': [8, 16],
                'finest_scale': 10,  # so that both maps are read
            },
            'bbox_head': {
                'type': 'Shared2FCBBoxHead',
                'in_channels': CHANNELS,
                'fc_out_channels': 16,
                'roi_feat_size': 3,
                'num_classes': CLASSES,
                'bbox_coder': {**CODER, 'target_stds': [0.1, 0.1, 0.2, 0.2]},
                'reg_class_agnostic': False,
                'reg_decoded_bbox': decoded,
                'loss_cls': losses[2],
                'loss_bbox': losses[3],
            },
            'train_cfg': ConfigDict(assigner=assigner(0.5), sampler=sampler(24, True), pos_weight=-1),
        }
    )


def boxes(count: int) -> Tensor:
    corner = torch.rand(count, 2) * 40
    return torch.cat([corner, corner + 8 + torch.rand(count, 2) * 16], dim=1)


def batch(objects: int, classes: int) -> tuple[list[Tensor], list[DetDataSample], list[InstanceData]]:
    """Features of two images, their objects, and proposals around those."""
    features = [torch.randn(2, CHANNELS, SIZE // s, SIZE // s, requires_grad=True) for s in (8, 16)]
    samples, proposals = [], []
    for _ in range(2):
        bboxes = boxes(objects)
        sample = DetDataSample(metainfo={'img_shape': (SIZE, SIZE), 'pad_shape': (SIZE, SIZE)})
        labels = torch.randint(0, classes, (objects,))
        sample.gt_instances = InstanceData(bboxes=bboxes, labels=labels)
        samples.append(sample)
        near = bboxes.repeat(4, 1) + 2 * torch.randn(4 * objects, 4)
        proposals.append(InstanceData(bboxes=torch.cat([near, boxes(12)])))
    return features, samples, proposals


def losses_and_gradients(build, losses, decoded: bool, objects: int):
    """Loss dict, and gradients of all parameters and features; the same draws in every call."""
    torch.manual_seed(5)
    head = build(losses, decoded)
    head.train()
    for parameter in head.parameters():
        nn.init.normal_(parameter, std=0.1)
    # detectors give an RPN all objects as class 0
    features, samples, proposals = batch(objects, 1 if build is rpn_head else CLASSES)
    given = (samples,) if build is rpn_head else (proposals, samples)
    found = head.loss(tuple(features), *given)
    values = {name: value for name, value in found.items() if 'loss' in name}
    total = sum(value for part in values.values() for value in as_list(part))
    total.backward()
    gradients = {name: parameter.grad for name, parameter in head.named_parameters()}
    gradients |= {f'features {index}': feature.grad for index, feature in enumerate(features)}
    return found, gradients


def as_list(value: Tensor | list[Tensor]) -> list[Tensor]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize('objects', [3, 0], ids=['objects', 'no objects'])
@pytest.mark.parametrize('boxes', HAND_MADE)
@pytest.mark.parametrize('build', [rpn_head, roi_head], ids=['RPN', 'RoI'])
def test_formulas_train_like_hand_made_losses(build, boxes, objects):
    decoded = boxes == 'decoded boxes'
    wanted, reference = losses_and_gradients(build, HAND_MADE[boxes], decoded, objects)
    found, gradients = losses_and_gradients(build, FORMULAS[boxes], decoded, objects)
    assert found.keys() == wanted.keys()
    for name in wanted:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-4, atol=1e-6, msg=name)
    box_loss = sum(as_list(wanted['loss_rpn_bbox' if build is rpn_head else 'loss_bbox']))
    assert (box_loss > 0) == (objects > 0)
    for name, gradient in reference.items():
        if gradient is None:  # mmdet leaves its box branch out of the graph where nothing counts
            assert objects == 0
            assert not gradients[name].any()
            continue
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-3, atol=1e-6, msg=name)
        assert gradient.any() or objects == 0, name
    assert all(gradient is not None for gradient in gradients.values())


@pytest.mark.parametrize('build', [rpn_head, roi_head], ids=['RPN', 'RoI'])
def test_areas_of_deltas_stop_with_the_remedy(build):
    with pytest.raises(SetupError, match='Set reg_decoded_bbox=True in this head'):
        losses_and_gradients(build, FORMULAS['decoded boxes'], decoded=False, objects=3)
