"""Searches the heat-map loss of a top-down R50 (256x192) on COCO keypoints, with the published numbers of AutoLoss-Zero.

Published: K = 20, P = 2500, T = 5 %, D = 3, B = 5, eta = 0.6, 10 % copies, 50 % fresh graphs, two digits, invalid stop
within 20 updates, over 10^6 candidates explored. Not published, so ours: the proxy's schedule and the descent of the
rejection test. Meant for GPUs: one candidate each, ``--workers N``.
"""

_base_ = ['../pose.py', '../_base_/search_published.py']

max_iters = 2000

# The search never sees val2017: it scores on the first 5000 persons of the training images and trains on those after
# them. Counted are persons (149,813 with keypoints); the gap keeps the persons of one image on one side.
train_dataloader = dict(
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(indices=-144_000),
)
val_dataloader = dict(
    dataset=dict(
        ann_file='annotations/person_keypoints_train2017.json',
        data_prefix=dict(img='train2017/'),
        bbox_file=None,  # annotated boxes: detections exist for val2017 only
        indices=5000,
        test_mode=False,  # in test mode it names its file to CocoMetric, which would count the persons of all images
    ),
)
val_evaluator = dict(ann_file=None)  # the truth is that of val_dataloader

model = dict(train_cfg=dict(compute_acc=False), test_cfg=dict(flip_test=False))
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
    base_config='{{ fileDirname }}/../pose.py',
    metric='coco/AP',
    branches=dict(heatmap=dict(path='head.loss_module', inputs='heatmap')),
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=max_iters), invalid_stop=20),
    describe=dict(task='pose', set='coco', network='heatmap_r50', hand_made='mse', split='search_val'),
)
