"""Searches all five losses of Mask R-CNN R50-FPN on COCO for the last tenth of a training: two days on four GPUs of 16 GB.

Half-size images and mixed precision (searched losses are computed in float32). By the speeds that mmdet publishes for one
V100, a candidate takes about 5 minutes, a trunk 25; ``--dry`` measures yours. With the numbers of the paper:
``published/mask_rcnn_search.py``.
"""

_base_ = ['./published/mask_rcnn_search.py', './_base_/search_at_scale.py']

max_iters = 6000
scale = (667, 400)

train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
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

train_cfg = dict(**_base_.at_scale, seeds=_base_.search.seeds)
train_cfg['proxy']['schedule'] = dict(max_iters=max_iters)
train_cfg['budget']['max_trials'] = 1300
