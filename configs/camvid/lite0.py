"""A DeepLabV3+ head on a pretrained EfficientNet-Lite0, on CamVid street scenes (11 classes, 240 x 180 pixels), on the CPU.

The backbone is frozen, so what it makes of an image is computed once a process; it sees images at twice their size, as
ImageNet's objects are larger. Labels are trained at half size, twice that of the scores of the head, and scored at the full
one. Weights of the backbone: ``tools/convert_lite0.py work_dirs/efficientnet_lite0.pth``. Data as in ``deeplabv3plus.py``.
"""

_base_ = './deeplabv3plus.py'

max_iters = 400
image_scale = (240, 180)  # width, height
custom_imports = dict(imports=['mmautoloss.datasets.maps', 'mmautoloss.backbones.efficientnet_lite'])

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='KeyMapper',
        mapping=dict(img='gt_seg_map'),
        remapping=dict(img='gt_seg_map'),
        transforms=[dict(type='mmcv.Resize', scale=(120, 90), interpolation='nearest')],
    ),
    dict(type='PackSegInputs'),
]
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
train_dataloader = dict(batch_size=6, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3, size=(180, 240)),  # height, width
    backbone=dict(
        _delete_=True,
        type='mmautoloss.EfficientNetLite',
        out_indices=(3, 4, 5),
        frozen_stages=6,
        norm_eval=True,
        keep=True,
        enlarge=2.0,
        init_cfg=dict(type='Pretrained', checkpoint='work_dirs/efficientnet_lite0.pth'),
    ),
    decode_head=dict(in_channels=320, in_index=2, channels=64, c1_in_channels=40, c1_channels=32, dropout_ratio=0.1),
    auxiliary_head=None,
)

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=4e-2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=40),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=40, end=max_iters, eta_min=0),
]
