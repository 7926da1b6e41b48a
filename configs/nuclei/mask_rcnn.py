"""A small Mask R-CNN on cell nuclei (Data Science Bowl 2018), trained from scratch on the CPU.

Data: COCO json with masks under ``data_root`` (``annotations/{train,val}.json``, ``images/``); elsewhere with
``--cfg-options data_root=/path/to/nuclei``. It trains on crops of a quarter of an image, at full resolution: half of
all nuclei are smaller than 13 pixels, which at half size would be three cells of the finest feature map.
"""

_base_ = '../digits/mask_rcnn.py'

max_iters = 100
data_root = 'data/nuclei/'
metainfo = dict(classes=('nucleus',), palette=[(220, 20, 60)])

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomCrop', crop_size=(128, 128), recompute_bbox=True),
    dict(type='FilterAnnotations', min_gt_bbox_wh=(2, 2)),  # slivers, and boxes of which the crop left no mask
    dict(type='RandomFlip', prob=0.75, direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(256, 256), keep_ratio=True),
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
val_dataloader = dict(batch_size=10, dataset=val_dataset)
test_dataloader = dict(batch_size=10, dataset=val_dataset)

model = dict(
    rpn_head=dict(
        # sides of 8, 13, 18 and 29 pixels; nine of ten nuclei have 6 to 26
        anchor_generator=dict(scales=[1.0, 1.6], ratios=[1.0], base_sizes=[8, 18]),
    ),
    roi_head=dict(bbox_head=dict(num_classes=1), mask_head=dict(num_classes=1)),
    test_cfg=dict(
        rpn=dict(nms_pre=300, max_per_img=150),
        rcnn=dict(score_thr=0.1, max_per_img=80),  # a mask is pasted for each
    ),
)

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, eta_min=0),
]
