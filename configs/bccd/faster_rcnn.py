"""A small Faster R-CNN on BCCD blood cells (red and white cells, platelets), trained from scratch on the CPU.

Data: COCO json under ``data_root`` (``annotations/{train,val}.json``, ``images/``); elsewhere with
``--cfg-options data_root=/path/to/bccd``.
"""

_base_ = '../digits/faster_rcnn.py'

max_iters = 150
data_root = 'data/bccd/'
image_scale = (160, 120)  # half size
classes = ('RBC', 'WBC', 'Platelets')
metainfo = dict(classes=classes, palette=[(220, 20, 60), (0, 0, 230), (0, 160, 90)])

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=image_scale, keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_scale, keep_ratio=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'instances'),
    ),
]
val_dataset = dict(
    _delete_=True,
    type='CocoDataset',
    data_root=data_root,
    ann_file='annotations/val.json',
    data_prefix=dict(img='images/'),
    metainfo=metainfo,
    test_mode=True,
    pipeline=test_pipeline,
)
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        _delete_=True,
        type='CocoDataset',
        data_root=data_root,
        ann_file='annotations/train.json',
        data_prefix=dict(img='images/'),
        metainfo=metainfo,
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(batch_size=15, dataset=val_dataset)
test_dataloader = dict(batch_size=15, dataset=val_dataset)

strides = [4, 8, 16]
model = dict(
    backbone=dict(num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(0, 1, 2)),
    neck=dict(in_channels=[16, 32, 64], num_outs=3),
    rpn_head=dict(
        # sides of 10, 26 and 52 pixels: platelets, red and white cells at half size
        anchor_generator=dict(scales=[1], ratios=[1.0], strides=strides, base_sizes=[10, 26, 52]),
    ),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides, finest_scale=14),
        bbox_head=dict(num_classes=3),
    ),
    test_cfg=dict(rpn=dict(max_per_img=100), rcnn=dict(max_per_img=50)),
)

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, eta_min=0),
]
