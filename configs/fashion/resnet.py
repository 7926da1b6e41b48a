"""A narrow ResNet of three stages on Fashion-MNIST (10 classes of clothes, 28 x 28 pixels), from scratch on the CPU.

Data: ``train/`` and ``val/`` with the images under ``data_root``, and lists of lines such as ``train/0000.png 5``;
elsewhere with ``--cfg-options data_root=/path/to/fashion``. ``resnet_sym40.py`` and ``resnet_asym40.py`` train on the
same images with other lists, in which some labels are wrong.
"""

_base_ = '../_base_/cls_runtime.py'

max_iters = 400  # of 128 images: eight and a half times all of them
data_root = 'data/fashion/'
dataset_type = 'CustomDataset'
classes = [
    *('T-shirt', 'trouser', 'pullover', 'dress', 'coat'),
    *('sandal', 'shirt', 'sneaker', 'bag', 'ankle boot'),
]
num_classes = 10

pipeline = [
    dict(type='LoadImageFromFile', color_type='grayscale'),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=128,
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='train.txt',
        metainfo=dict(classes=classes),
        pipeline=pipeline,
    ),
)
val_dataloader = dict(
    batch_size=250,
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='val.txt',
        metainfo=dict(classes=classes),
        pipeline=pipeline,
    ),
)
test_dataloader = val_dataloader

model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(type='ClsDataPreprocessor', num_classes=num_classes, mean=[73.0], std=[90.0]),
    backbone=dict(
        type='ResNet',
        depth=18,
        in_channels=1,
        stem_channels=16,
        base_channels=16,
        num_stages=3,
        strides=(1, 2, 2),
        dilations=(1, 1, 1),
        out_indices=(2,),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=num_classes,
        in_channels=64,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
    ),
)

custom_hooks = [dict(type='mmautoloss.ChannelsLastHook')]  # two thirds of the time on a CPU
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=2e-3, weight_decay=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=25),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=25, end=max_iters, eta_min=0),
]
