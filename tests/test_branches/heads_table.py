"""Models of the libraries, as they ship them but small, and the losses that they should turn out to have."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

CLASSES = 4
CONTRACTION = 32
"""Divisor of all widths: a ResNet-50 of 256 to 2048 channels has those of a ResNet-18 with ``base_channels=8``."""


class Row(NamedTuple):
    """A model of a library.

    Attributes:
        library: Package that ships it, and its default scope.
        config: Path below the package's configs.
        losses: What should be found: by name the kind of input, or None where the loss cannot be searched.
        changes: Settings by dotted key that differ from the shipped ones.
        scale: By name the factor between the hand-made loss and its formula, where it is not 1: the libraries disagree
            in what they average over.
        stages: By dotted key a head of which the shipped config gives one for all stages, and their number; it is
            written out here for each.
    """

    library: str
    config: str
    losses: Mapping[str, str | None]
    changes: dict[str, Any] = {}
    scale: Mapping[str, float] = {}
    stages: Mapping[str, int] = {}

    def model_config(self) -> Config:
        """A config with nothing but the small model and its scope."""
        folder = Path(importlib.import_module(self.library).__file__).parent / '.mim' / 'configs'
        model = _shrunk(Config.fromfile(folder / self.config).model.to_dict())
        cfg = Config({'model': model, 'default_scope': self.library})
        copies = {key: [reduce(dict.get, key.split('.'), model)] * count for key, count in self.stages.items()}
        cfg.merge_from_dict({f'model.{key}': value for key, value in (self.changes | copies).items()})
        return cfg


_WIDTHS = {
    *('in_channels', 'out_channels', 'channels', 'feat_channels', 'conv_out_channels', 'fc_out_channels'),
    *('c1_in_channels', 'c1_channels', 'point_feat_channels', 'block_mid_channels', 'num_channels'),
    *('embed_dims', 'num_feats', 'feedforward_channels'),
}
_FIXED = {'num_classes': CLASSES, 'num_groups': 4, 'num_modules': 1, 'num_queries': 10}


def _shrunk(node: Any) -> Any:
    """A config with few channels and layers, random weights, and norms that need no other process."""
    if isinstance(node, (list, tuple)):
        return type(node)(_shrunk(part) for part in node)
    if not isinstance(node, dict):
        return 'BN' if node == 'SyncBN' else node
    small = {key: _shrunk_value(key, value) for key, value in node.items() if key not in ('init_cfg', 'pretrained')}
    if str(small.get('type')).startswith('ResNet'):
        small |= {'depth': 18, 'base_channels': 8, 'stem_channels': 8}
    if small.get('type') == 'SegDataPreProcessor':
        small['size'] = (64, 64)
    return small


def _shrunk_value(key: str, value: Any) -> Any:
    if key in _WIDTHS:
        return _narrow(value)
    if key == 'num_blocks':
        return tuple(1 for _ in value)
    if key == 'num_layers':
        return min(value, 2)
    return _FIXED.get(key, None if key == 'init_cfg' else _shrunk(value))


def _narrow(width: Any) -> Any:
    if isinstance(width, (list, tuple)):
        return type(width)(_narrow(part) for part in width)
    return max(4, width // CONTRACTION) if isinstance(width, int) and width >= CONTRACTION else width


_NORM = {'bbox_head.norm_cfg': {'type': 'GN', 'num_groups': 4}}
_NO_EPS = {'mask_head.loss_mask.eps': 1e-12}
_NORM_OF_MASKS = {'mask_head.norm_cfg': {'type': 'GN', 'num_groups': 4}}
_RPN = {'rpn_cls': 'sigmoid', 'rpn_box': 'delta'}
_ROI = {'roi_cls': 'softmax', 'roi_box': 'delta'}
_DETR = {'cls': 'softmax', 'box': 'delta', 'iou': 'area'}
_FOCAL = {'bbox_head.loss_cls.gamma': 2.0, 'bbox_head.loss_cls.alpha': 0.25}
_YOLOX = {
    'data_preprocessor.batch_augments': None,
    'backbone.widen_factor': 1 / 32,
    'neck.in_channels': [8, 16, 32],
    'neck.out_channels': 8,
    'bbox_head.in_channels': 8,
    'bbox_head.feat_channels': 8,
}
_RESNET = {'type': 'ResNet', 'depth': 18, 'base_channels': 8, 'stem_channels': 8, 'out_indices': (1, 2, 3)}
_YOLOV3 = {
    'backbone': {'_delete_': True, **_RESNET},
    'neck.in_channels': [64, 32, 16],
    'neck.out_channels': [16, 8, 8],
    'bbox_head.in_channels': [16, 8, 8],
    'bbox_head.out_channels': [16, 8, 8],
}
_MAPS = {'decode': 'softmax', 'aux': 'softmax'}
_OHEM = {'type': 'OHEMPixelSampler', 'min_kept': 512}
_WEIGHED = {'class_weight': [0.25, 4.0, 1.0, 2.0]}
_BINARY = {'num_classes': 2, 'out_channels': 1, 'loss_decode': {'type': 'CrossEntropyLoss', 'use_sigmoid': True}}
_TWO_LOSSES = [
    {'type': 'CrossEntropyLoss', 'loss_weight': 1.0},
    {'type': 'CrossEntropyLoss', 'use_sigmoid': True, 'loss_weight': 3.0, 'loss_name': 'loss_bce'},
]
_POSE = 'body_2d_keypoint/topdown_heatmap/coco/td-hm_{}_8xb64-210e_coco-256x192.py'
_KEYPOINTS = 17


def _below(head: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {f'{head}.{key}': value for key, value in changes.items()}


HEADS: dict[str, Row] = {
    'Faster R-CNN': Row('mmdet', '_base_/models/faster-rcnn_r50_fpn.py', _RPN | _ROI),
    'Mask R-CNN': Row('mmdet', '_base_/models/mask-rcnn_r50_fpn.py', _RPN | _ROI | {'mask': 'mask'}),
    'Cascade R-CNN': Row(
        'mmdet',
        '_base_/models/cascade-rcnn_r50_fpn.py',
        _RPN | {f'roi{n}_{part}': kind for n in range(3) for part, kind in (('cls', 'softmax'), ('box', 'delta'))},
    ),
    'Cascade Mask R-CNN': Row(
        'mmdet',
        '_base_/models/cascade-mask-rcnn_r50_fpn.py',
        _RPN
        | {f'roi{n}_{part}': kind for n in range(3) for part, kind in (('cls', 'softmax'), ('box', 'delta'))}
        | {f'mask{n}': 'mask' for n in range(3)},
        stages={'roi_head.mask_head': 3},
    ),
    'class weights of RoIs': Row(
        'mmdet',
        '_base_/models/faster-rcnn_r50_fpn.py',
        _RPN | _ROI,
        {
            'roi_head.bbox_head.loss_cls.class_weight': [0.5, 2.0, 3.0, 1.0, 0.1],
            'rpn_head.loss_cls.class_weight': [3.0],
        },
    ),
    'PISA': Row('mmdet', 'pisa/faster-rcnn_r50_fpn_pisa_1x_coco.py', _RPN | _ROI),
    'Dynamic R-CNN': Row('mmdet', 'dynamic_rcnn/dynamic-rcnn_r50_fpn_1x_coco.py', _RPN | _ROI | {'roi_box': None}),
    'Double-Head R-CNN': Row('mmdet', 'double_heads/dh-faster-rcnn_r50_fpn_1x_coco.py', _RPN | _ROI),
    'RetinaNet': Row('mmdet', '_base_/models/retinanet_r50_fpn.py', {'cls': 'sigmoid', 'box': 'delta'}),
    'FCOS': Row(
        'mmdet',
        'fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py',
        {'cls': 'sigmoid', 'box': 'area', 'centerness': 'sigmoid'},
        _NORM,
    ),
    'ATSS': Row(
        'mmdet', 'atss/atss_r50_fpn_1x_coco.py', {'cls': 'sigmoid', 'box': 'area', 'centerness': 'sigmoid'}, _NORM
    ),
    'YOLOF': Row('mmdet', 'yolof/yolof_r50-c5_8xb8-1x_coco.py', {'cls': 'sigmoid', 'box': 'area'}),
    'ReID': Row(
        'mmdet',
        'reid/reid_r50_8xb32-6e_mot17train80_test-mot17val20.py',
        {'cls': 'softmax', 'triplet': 'triplet'},
        {
            'neck': {'_delete_': True, 'type': 'GlobalAveragePooling'},
            'backbone': {'_delete_': True, **_RESNET, 'type': 'mmpretrain.ResNet', 'out_indices': (3,)},
            'head.loss_triplet.loss_weight': 0.5,
        },
    ),
    'GFL': Row('mmdet', 'gfl/gfl_r50_fpn_1x_coco.py', {'cls': 'quality', 'box': 'area', 'dfl': 'bins'}, _NORM),
    'VFNet': Row(
        'mmdet', 'vfnet/vfnet_r50_fpn_1x_coco.py', {'cls': 'quality', 'box': 'area', 'bbox_refine': 'area'}, _NORM
    ),
    'RTMDet': Row(
        'mmdet',
        'rtmdet/rtmdet_tiny_8xb32-300e_coco.py',
        {'cls': 'quality', 'box': 'area', 'centerness': None},
        _YOLOX,
    ),
    'RepPoints': Row(
        'mmdet',
        'reppoints/reppoints-moment_r50_fpn_1x_coco.py',
        {'cls': 'sigmoid', 'box': None, 'bbox_init': 'delta', 'bbox_refine': 'delta'},
    ),
    'DETR': Row('mmdet', 'detr/detr_r50_8xb2-150e_coco.py', _DETR),
    'DAB-DETR': Row('mmdet', 'dab_detr/dab-detr_r50_8xb2-50e_coco.py', _DETR | {'cls': 'sigmoid'}),
    'FoveaBox': Row('mmdet', 'foveabox/fovea_r50_fpn_4xb4-1x_coco.py', {'cls': 'sigmoid', 'box': 'delta'}, _FOCAL),
    'YOLOX': Row(
        'mmdet',
        'yolox/yolox_tiny_8xb8-300e_coco.py',
        {'cls': 'sigmoid', 'box': 'area', 'obj': 'sigmoid', 'l1': 'delta'},
        _YOLOX,
    ),
    'YOLOv3': Row(
        'mmdet',
        'yolo/yolov3_d53_8xb8-320-273e_coco.py',
        {'cls': 'sigmoid', 'conf': None, 'xy': 'sigmoid', 'wh': 'delta'},
        _YOLOV3,
    ),
    'SABL': Row(
        'mmdet',
        'sabl/sabl-faster-rcnn_r50_fpn_1x_coco.py',
        _RPN | {'roi_cls': 'softmax', 'roi_bbox_cls': 'sigmoid', 'roi_bbox_reg': 'delta'},
        {
            f'roi_head.bbox_head.{part}_channels': 8
            for part in ('cls_in', 'reg_in', 'reg_offset_out', 'reg_cls_out', 'cls_out')
        },
    ),
    'TOOD': Row(
        'mmdet',
        'tood/tood_r50_fpn_1x_coco.py',
        {'cls': None, 'box': 'area', 'centerness': None, 'initial_loss_cls': 'sigmoid'},
        _NORM,
    ),
    'TOOD without initial epochs': Row(
        'mmdet',
        'tood/tood_r50_fpn_1x_coco.py',
        {'cls': 'quality', 'box': 'area', 'centerness': None, 'initial_loss_cls': None},
        _NORM | {'train_cfg.initial_epoch': 0},
    ),
    'FSAF': Row('mmdet', 'fsaf/fsaf_r50_fpn_1x_coco.py', {'cls': 'sigmoid', 'box': 'area'}),
    'CrowdDet': Row(
        'mmdet',
        'crowddet/crowddet-rcnn_r50_fpn_8xb2-30e_crowdhuman.py',
        {'rpn_cls': 'softmax', 'rpn_box': 'delta'} | _ROI,
        {'roi_head.bbox_head.num_classes': 1},
    ),
    'YOLACT': Row(
        'mmdet', 'yolact/yolact_r50_1xb8-55e_coco.py', {'cls': 'softmax', 'box': 'delta', 'mask_segm': 'sigmoid'}
    ),
    'CornerNet': Row(
        'mmdet',
        'cornernet/cornernet_hourglass104_8xb6-210e-mstest_coco.py',
        {'heatmap': 'peak', 'embedding': None, 'offset': 'delta'},
        {
            'backbone.stage_channels': [8] * 6,
            'backbone.feat_channel': 8,
            'backbone.stage_blocks': [1] * 6,
            'bbox_head.in_channels': 8,
        },
    ),
    'CenterNet': Row(
        'mmdet',
        'centernet/centernet_r18_8xb16-crop512-140e_coco.py',
        {'center_heatmap': 'peak', 'wh': 'delta', 'offset': 'delta'},
        {
            'neck.in_channels': 64,
            'neck.num_deconv_filters': (16, 16, 16),
            'neck.use_dcn': False,
            'bbox_head.in_channels': 16,
            'bbox_head.feat_channels': 8,
        },
    ),
    'CenterNet with two stages of anchors': Row(
        'mmdet', 'centernet/centernet-update_r50-caffe_fpn_ms-1x_coco.py', {'cls': None, 'box': 'area'}, _NORM
    ),
    'SOLO': Row(
        'mmdet', 'solo/solo_r50_fpn_1x_coco.py', {'mask_cls': 'sigmoid', 'mask': 'instance'}, _NO_EPS | _NORM_OF_MASKS
    ),
    'Decoupled SOLO': Row(
        'mmdet',
        'solo/decoupled-solo_r50_fpn_1x_coco.py',
        {'mask_cls': 'sigmoid', 'mask': 'instance'},
        _NO_EPS | _NORM_OF_MASKS,
    ),
    'CondInst': Row(
        'mmdet',
        'condinst/condinst_r50_fpn_ms-poly-90k_coco_instance.py',
        {'cls': 'sigmoid', 'box': 'area', 'centerness': 'sigmoid', 'mask': 'instance'},
        _NO_EPS | _NORM | {'mask_head.num_layers': 3, 'mask_head.mask_feature_head.out_channels': 8},
    ),
    'Mask2Former': Row(
        'mmdet',
        'mask2former/mask2former_r50_8xb2-lsj-50e_coco.py',
        {'panoptic_cls': 'softmax', 'panoptic_mask': 'sigmoid', 'panoptic_dice': 'instance'},
        {'panoptic_head.loss_dice.eps': 1e-12},
    ),
    'DeepLabV3+': Row('mmseg', '_base_/models/deeplabv3plus_r50-d8.py', _MAPS),
    'PSPNet': Row('mmseg', '_base_/models/pspnet_r50-d8.py', _MAPS),
    'UPerNet': Row('mmseg', '_base_/models/upernet_r50.py', _MAPS),
    'HRNet-FCN': Row('mmseg', '_base_/models/fcn_hr18.py', {'decode': 'softmax'}),
    'a list of two losses': Row(
        'mmseg',
        '_base_/models/fcn_hr18.py',
        {'decode0': 'softmax', 'decode1': 'sigmoid'},
        {'decode_head.loss_decode': _TWO_LOSSES},
        {'decode1': 1 / CLASSES},
    ),
    'binary maps': Row('mmseg', '_base_/models/fcn_hr18.py', {'decode': 'sigmoid'}, _below('decode_head', _BINARY)),
    'OHEM by loss': Row('mmseg', '_base_/models/fcn_hr18.py', {'decode': 'softmax'}, {'decode_head.sampler': _OHEM}),
    'OHEM by threshold': Row(
        'mmseg',
        '_base_/models/fcn_hr18.py',
        {'decode': 'softmax'},
        {'decode_head.sampler': _OHEM | {'thresh': 0.01}},
    ),
    'class weights of maps': Row(
        'mmseg', '_base_/models/fcn_hr18.py', {'decode': 'softmax'}, _below('decode_head.loss_decode', _WEIGHED)
    ),
    'class weights of maps with OHEM': Row(
        'mmseg',
        '_base_/models/fcn_hr18.py',
        {'decode': 'softmax'},
        {'decode_head.sampler': _OHEM} | _below('decode_head.loss_decode', _WEIGHED),
    ),
    'class weight of binary maps': Row(
        'mmseg',
        '_base_/models/fcn_hr18.py',
        {'decode': 'sigmoid'},
        _below('decode_head', _BINARY) | {'decode_head.loss_decode.class_weight': [3.0]},
    ),
    'PointRend of maps': Row(
        'mmseg',
        'point_rend/pointrend_r50_4xb2-80k_cityscapes-512x1024.py',
        {'decode0': 'softmax', 'decode1': 'softmax'},
    ),
    'OCRNet': Row('mmseg', '_base_/models/ocrnet_hr18.py', {'decode0': 'softmax', 'decode1': 'softmax'}),
    'pose of ResNet': Row(
        'mmpose',
        _POSE.format('res50'),
        {'heatmap': 'heatmap'},
        {'head.deconv_out_channels': (8, 8, 8)},
        {'heatmap': 1 / _KEYPOINTS},
    ),
    'pose of HRNet': Row(
        'mmpose', _POSE.format('hrnet-w32'), {'heatmap': 'heatmap'}, scale={'heatmap': 1 / _KEYPOINTS}
    ),
    'SimCC': Row(
        'mmpose',
        'body_2d_keypoint/simcc/coco/simcc_res50_8xb64-210e_coco-256x192.py',
        {'heatmap': 'bins'},
        {'head.deconv_out_channels': (8, 8, 8)},
        {'heatmap': 1 / _KEYPOINTS},
    ),
    'RTMPose': Row(
        'mmpose',
        'body_2d_keypoint/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py',
        {'heatmap': 'bins'},
        {'backbone.widen_factor': 1 / 32, 'backbone.deepen_factor': 0.1, 'head.in_channels': 32},
        {'heatmap': 1 / _KEYPOINTS},
    ),
    'pose regression': Row(
        'mmpose',
        'body_2d_keypoint/topdown_regression/coco/td-reg_res50_8xb64-210e_coco-256x192.py',
        {'heatmap': 'delta'},
        scale={'heatmap': 1 / 2},
    ),
}
