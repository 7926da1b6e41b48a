"""Searches the loss of a ResNet-50 on ImageNet, with the published numbers of AutoLoss-Zero.

Published: K = 20, P = 2500, T = 5 %, D = 3, eta = 0.6, 10 % copies, 50 % fresh graphs, two digits, invalid stop within 20
updates. Not published (there is no search of classifiers there), so ours: the proxy's schedule on a tenth of the images at
112 x 112 pixels, and the descent of the rejection test. Meant for GPUs: one candidate each, ``--workers N``.
"""

_base_ = ['../classifier.py', '../_base_/search_published.py']

max_iters = 5000

# The search never sees the val set: of the training images, which are in order of their class, every tenth trains and 25,000
# others score.
_size = 1_281_167
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=112),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=128, edge='short'),
    dict(type='CenterCrop', crop_size=112),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=256,
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline, indices=list(range(0, _size, 10))),
)
val_dataloader = dict(
    batch_size=256, dataset=dict(split='train', pipeline=test_pipeline, indices=list(range(5, _size, 50)))
)
val_evaluator = dict(topk=1)

optim_wrapper = dict(optimizer=dict(lr=0.2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=500),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=500, end=max_iters, eta_min=0),
]
auto_scale_lr = None
log_level = 'ERROR'
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

train_cfg = dict(
    _delete_=True,
    **_base_.published,
    base_config='{{ fileDirname }}/../classifier.py',
    metric='accuracy/top1',
    branches=dict(cls=dict(path='head.loss_module', inputs='softmax')),
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=max_iters), invalid_stop=20),
    describe=dict(task='classification', set='imagenet', network='resnet50', hand_made='ce', split='search_val'),
)
