"""Searches the two losses of a ResNet-50 on Market-1501, with the published numbers of AutoLoss-Zero.

Published: K = 20, P = 2500, T = 5 %, D = 3, eta = 0.6, 10 % copies, 50 % fresh graphs, two digits, invalid stop within 20
updates. Not published (there is no search of re-identification there), so ours: the proxy's schedule at 128 x 64 pixels, and
the descent of the rejection test. Meant for GPUs: one candidate each, ``--workers N``.
"""

_base_ = ['../reid_r50_market.py', '../_base_/search_published.py']

max_iters = 3000  # of 8 people with 4 images each
persons = 751

# The search never sees the test list: of the 751 people for training every fifth scores the candidates, the others train.
train_pipeline = [
    dict(
        type='TransformBroadcaster',
        share_random_params=False,
        transforms=[
            dict(type='LoadImageFromFile', to_float32=True),
            dict(type='Resize', scale=(64, 128), keep_ratio=False, clip_object_border=False),
            dict(type='RandomFlip', prob=0.5, direction='horizontal'),
        ],
    ),
    dict(type='PackReIDInputs', meta_keys=('flip', 'flip_direction')),
]
test_pipeline = [
    dict(type='LoadImageFromFile', to_float32=True),
    dict(type='Resize', scale=(64, 128), keep_ratio=False),
    dict(type='PackReIDInputs'),
]
train_dataloader = dict(
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline, identities=[person for person in range(persons) if person % 5]),
)
val_dataloader = dict(
    dataset=dict(ann_file='train.txt', pipeline=test_pipeline, identities=list(range(0, persons, 5)))
)
val_evaluator = dict(query=None)

optim_wrapper = dict(optimizer=dict(lr=0.05))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=300),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=300, end=max_iters, eta_min=0),
]
log_level = 'ERROR'
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

train_cfg = dict(
    _delete_=True,
    **_base_.published,
    base_config='{{ fileDirname }}/../reid_r50_market.py',
    metric='mAP',
    branches=dict(
        cls=dict(path='head.loss_cls', inputs='softmax'),
        triplet=dict(path='head.loss_triplet', inputs='triplet'),
    ),
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=max_iters), invalid_stop=20),
    describe=dict(task='reid', set='market1501', network='resnet50', hand_made='ce+triplet', split='search_val'),
)
