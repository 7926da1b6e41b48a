"""Searches all four losses of Faster R-CNN R50-FPN on COCO, with the published numbers of AutoLoss-Zero.

Published: K = 20, P = 2500, T = 5 %, D = 3, B = 5, eta = 0.6, 10 % copies, 50 % fresh graphs, two digits, invalid stop
within 20 updates, over 10^6 candidates explored. Not published, so ours: the proxy's schedule, the descent of the
rejection test, how branches are varied. Meant for GPUs: one candidate each, ``--workers N``.
"""

_base_ = ['../faster_rcnn.py', '../_base_/search_published.py']

max_iters = 2000

# The search never sees val2017: it scores on the first 5000 training images and trains on images after them.
train_dataloader = dict(
    batch_size=8,
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(indices=-112_000),
)
val_dataloader = dict(
    batch_size=8,
    dataset=dict(
        ann_file='annotations/instances_train2017.json',
        data_prefix=dict(img='train2017/'),
        indices=5000,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=(1333, 800), keep_ratio=True),
            dict(
                type='PackDetInputs',
                meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'instances'),
            ),
        ],
    ),
)
# A file would count the objects of all its images; without one the truth is that of val_dataloader ("instances").
val_evaluator = dict(ann_file=None)

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9, weight_decay=0.0001),
    clip_grad=dict(max_norm=35, norm_type=2),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=200),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=200, end=max_iters, eta_min=0),
]
auto_scale_lr = None
log_level = 'ERROR'
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

train_cfg = dict(
    _delete_=True,
    **_base_.published,
    base_config='{{ fileDirname }}/../faster_rcnn.py',
    metric='coco/bbox_mAP',
    branches=dict(
        rpn_cls=dict(path='rpn_head.loss_cls', inputs='sigmoid'),
        rpn_box=dict(path='rpn_head.loss_bbox', inputs='delta'),
        roi_cls=dict(path='roi_head.bbox_head.loss_cls', inputs='softmax'),
        roi_box=dict(path='roi_head.bbox_head.loss_bbox', inputs='delta'),
    ),
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=max_iters), invalid_stop=20),
    describe=dict(
        task='detection', set='coco', network='faster_rcnn_r50_fpn', hand_made='bce+l1+ce+l1', split='search_val'
    ),
)
