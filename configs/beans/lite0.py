"""A linear classifier on a pretrained EfficientNet-Lite0, on leaves of beans (3 classes, 120 x 120 pixels), on the CPU.

The backbone is frozen, so what it makes of an image is computed once a process. Weights of the backbone:
``tools/convert_lite0.py work_dirs/efficientnet_lite0.pth``. Data: a folder a class in ``train/`` and ``val/`` under
``data_root``; elsewhere with ``--cfg-options data_root=/path/to/beans``.
"""

_base_ = '../_base_/cls_runtime.py'

max_iters = 200
data_root = 'data/beans/'
custom_imports = dict(imports=['mmautoloss.backbones.efficientnet_lite'], allow_failed_imports=False)
num_classes = 3

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
train_dataloader = dict(
    batch_size=32,
    dataset=dict(type='CustomDataset', data_root=data_root, data_prefix='train', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=32,
    dataset=dict(type='CustomDataset', data_root=data_root, data_prefix='val', pipeline=test_pipeline),
)
test_dataloader = val_dataloader

model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor', num_classes=num_classes, mean=[127.0] * 3, std=[128.0] * 3, to_rgb=True
    ),
    backbone=dict(
        type='mmautoloss.EfficientNetLite',
        out_indices=(6,),
        frozen_stages=7,
        norm_eval=True,
        keep=True,
        init_cfg=dict(type='Pretrained', checkpoint='work_dirs/efficientnet_lite0.pth'),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=num_classes,
        in_channels=1280,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
    ),
)

train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=2e-3, weight_decay=1e-2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, eta_min=0),
]
