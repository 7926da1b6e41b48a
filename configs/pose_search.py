"""Searches the heat-map loss of a top-down R50 on COCO keypoints for the last tenth of a training: two days on four GPUs.

Mixed precision (searched losses are computed in float32), and the learning rate of the base config in proportion to the
batch. A candidate takes 3 to 4 minutes of a V100 by published speeds; ``--dry`` measures yours. With the numbers of the
paper: ``published/pose_search.py``.
"""

_base_ = ['./published/pose_search.py', './_base_/search_at_scale.py']

max_iters = 10_000

optim_wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic', optimizer=dict(lr=5e-4 * 64 / 512))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=500, end=max_iters, eta_min=0),
]

train_cfg = dict(**_base_.at_scale, seeds=['mse', 'l1', 'adaptive_wing'])
train_cfg['proxy']['schedule'] = dict(max_iters=max_iters)
train_cfg['budget']['max_trials'] = 1600
