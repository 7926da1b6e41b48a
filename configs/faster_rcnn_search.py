"""Searches all four losses of Faster R-CNN R50-FPN on COCO for the last tenth of a training: two days on four GPUs of 16 GB.

Half-size images and mixed precision (searched losses are computed in float32). By the speeds that mmdet publishes for one
V100, a candidate takes about 4 minutes, a trunk 20; ``--dry`` measures yours. With the numbers of the paper:
``published/faster_rcnn_search.py``.
"""

_base_ = ['./published/faster_rcnn_search.py', './_base_/search_at_scale.py']

max_iters = 6000
scale = (667, 400)

train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True),
            dict(type='Resize', scale=scale, keep_ratio=True),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackDetInputs'),
        ]
    )
)
val_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=scale, keep_ratio=True),
            dict(
                type='PackDetInputs',
                meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'instances'),
            ),
        ],
    )
)
optim_wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic')
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=200),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=200, end=max_iters, eta_min=0),
]

train_cfg = dict(
    **_base_.at_scale,
    seeds=[
        dict(rpn_cls='bce', rpn_box='l1', roi_cls='ce', roi_box='l1'),
        dict(rpn_cls='bce', rpn_box='smooth_l1', roi_cls='ce', roi_box='smooth_l1'),
        dict(rpn_cls='focal', rpn_box='l1', roi_cls='focal_softmax', roi_box='l1'),
    ],
)
train_cfg['proxy']['schedule'] = dict(max_iters=max_iters)
train_cfg['budget']['max_trials'] = 1600
