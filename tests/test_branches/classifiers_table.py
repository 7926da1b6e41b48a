"""Classifiers of mmpretrain, as it ships them but small, and the losses that they should turn out to have."""

from __future__ import annotations

from typing import Any

from tests.test_branches.heads_table import CLASSES, Row

_RESNET = '_base_/models/resnet50.py'
_CLS = {'cls': 'softmax'}
_LABELS = {'head.type': 'MultiLabelLinearClsHead'}
_ARCH = {'_delete_': True, 'embed_dims': 16, 'channel_ratio': 1, 'num_heads': 1, 'depths': 12}


def _loss(kind: str, **settings: Any) -> dict[str, Any]:
    return {'head.loss': {'type': kind, **settings}}


def _mixed(*augments: dict[str, Any]) -> dict[str, Any]:
    """A preprocessor that mixes the images of a batch, so that targets are shares of the classes."""
    return {
        'train_cfg': {'augments': list(augments)},
        'data_preprocessor': {'type': 'ClsDataPreprocessor', 'num_classes': CLASSES},
    }


CLASSIFIERS: dict[str, Row] = {
    'ResNet': Row('mmpretrain', _RESNET, _CLS),
    'class weights': Row(
        'mmpretrain', _RESNET, _CLS, _loss('CrossEntropyLoss', class_weight=[0.5, 4.0, 1.0, 2.0], loss_weight=0.5)
    ),
    'Mixup': Row('mmpretrain', '_base_/models/resnet50_mixup.py', _CLS, _mixed({'type': 'Mixup', 'alpha': 0.8})),
    'CutMix with class weights': Row(
        'mmpretrain',
        _RESNET,
        _CLS,
        _mixed({'type': 'CutMix', 'alpha': 1.0})
        | _loss('CrossEntropyLoss', use_soft=True, class_weight=[0.5, 4.0, 1.0, 2.0]),
    ),
    'label smoothing': Row('mmpretrain', '_base_/models/resnet50_label_smooth.py', _CLS),
    'label smoothing of Classy Vision with class weights': Row(
        'mmpretrain',
        _RESNET,
        _CLS,
        _loss('LabelSmoothLoss', label_smooth_val=0.2, mode='classy_vision', class_weight=[0.5, 4.0, 1.0, 2.0]),
    ),
    'label smoothing of many labels': Row(
        'mmpretrain',
        _RESNET,
        {'cls': 'sigmoid'},
        _LABELS | _loss('LabelSmoothLoss', label_smooth_val=0.1, mode='multi_label', use_sigmoid=True),
    ),
    'focal loss': Row('mmpretrain', _RESNET, {'cls': 'sigmoid'}, _loss('FocalLoss', loss_weight=2.0)),
    'many labels': Row(
        'mmpretrain', _RESNET, {'cls': 'sigmoid'}, _LABELS | _loss('CrossEntropyLoss', use_sigmoid=True)
    ),
    'many labels, weighed': Row(
        'mmpretrain',
        _RESNET,
        {'cls': 'sigmoid'},
        _LABELS
        | _loss(
            'CrossEntropyLoss', use_sigmoid=True, pos_weight=[2.0, 1.0, 3.0, 0.5], class_weight=[1.0, 2.0, 0.0, 1.0]
        ),
    ),
    'asymmetric loss': Row('mmpretrain', _RESNET, {'cls': 'sigmoid'}, _LABELS | _loss('AsymmetricLoss')),
    'ArcFace': Row(
        'mmpretrain',
        _RESNET,
        _CLS,
        {
            'head': {
                '_delete_': True,
                'type': 'ArcFaceClsHead',
                'num_classes': CLASSES,
                'in_channels': 64,
                'scale': 4.0,
            }
        },
    ),
    'Conformer': Row(
        'mmpretrain',
        '_base_/models/conformer/tiny-p16.py',
        _CLS,
        {'backbone.arch': _ARCH, 'backbone.base_channels': 16, 'head.in_channels': [64, 16]}
        | _mixed({'type': 'Mixup', 'alpha': 0.8}, {'type': 'CutMix', 'alpha': 1.0}),
    ),
    'several tasks': Row(
        'mmpretrain',
        _RESNET,
        {'colour': 'softmax', 'shape': 'softmax'},
        {
            'head': {
                '_delete_': True,
                'type': 'MultiTaskHead',
                'in_channels': 64,
                'task_heads': {
                    'colour': {'type': 'LinearClsHead', 'num_classes': 3},
                    'shape': {'type': 'LinearClsHead', 'num_classes': CLASSES},
                },
            },
            'data_preprocessor': {'type': 'ClsDataPreprocessor'},
        },
    ),
    'seesaw': Row('mmpretrain', _RESNET, {'cls': None}, _loss('SeesawLoss', num_classes=CLASSES)),
}
"""Classifiers by name; as ``heads_table.HEADS``."""
