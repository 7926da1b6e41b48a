"""Faster R-CNN on a pretrained EfficientNet-Lite0, on BCCD blood cells at full size (320 x 240), on the CPU.

The backbone is frozen, so what it makes of an image and of its mirror images is computed once a process. Turned and
mirrored cells are cells, so four flips stand in for more images. Weights of the backbone:
``tools/convert_lite0.py work_dirs/efficientnet_lite0.pth``. Data as in ``faster_rcnn.py``.
"""

_base_ = './faster_rcnn.py'

max_iters = 600
custom_imports = dict(imports=['mmautoloss.datasets.coco', 'mmautoloss.backbones.efficientnet_lite'])

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='RandomFlip', prob=0.75, direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(320, 240), keep_ratio=True),  # width, height
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'instances'),
    ),
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

strides = [8, 16, 32]
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3, pad_size_divisor=32),
    backbone=dict(
        _delete_=True,
        type='mmautoloss.EfficientNetLite',
        out_indices=(3, 4, 5),
        frozen_stages=6,
        norm_eval=True,
        keep=True,
        init_cfg=dict(type='Pretrained', checkpoint='work_dirs/efficientnet_lite0.pth'),
    ),
    neck=dict(in_channels=[40, 112, 320], out_channels=48),
    rpn_head=dict(
        in_channels=48,
        feat_channels=48,
        anchor_generator=dict(scales=[1.0, 1.5], strides=strides, base_sizes=[20, 52, 104]),  # sides in pixels
    ),
    roi_head=dict(
        bbox_roi_extractor=dict(
            featmap_strides=strides, finest_scale=28, out_channels=48, roi_layer=dict(sampling_ratio=2)
        ),
        bbox_head=dict(in_channels=48, fc_out_channels=256),
    ),
    train_cfg=dict(
        rcnn=dict(assigner=dict(pos_iou_thr=0.6, neg_iou_thr=0.6, min_pos_iou=0.6), sampler=dict(num=128)),
        rpn_proposal=dict(max_per_img=100, nms_pre=300),
    ),
    test_cfg=dict(rpn=dict(nms_pre=300), rcnn=dict(max_per_img=50)),
)

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=3e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=60),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=60, end=max_iters, eta_min=0),
]
