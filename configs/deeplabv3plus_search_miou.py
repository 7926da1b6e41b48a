"""Searches the losses of DeepLabV3+ R50-D8 on VOC 2012 for the last tenth of a training, for mIoU: two days on four GPUs.

Crops of 128 x 128 as in ``published/deeplabv3plus_search_miou.py``, four times the iterations, mixed precision (searched
losses are computed in float32). A candidate takes 2 to 3 minutes of a V100 by published speeds; ``--dry`` measures yours.
The five other ``deeplabv3plus_search_*.py`` differ in the metric only.
"""

_base_ = ['./published/deeplabv3plus_search_miou.py', './_base_/search_at_scale.py']

max_iters = 4000

val_evaluator = dict(names=['mIoU'])  # only what is monitored is counted
env_cfg = dict(cudnn_benchmark=False)  # it chooses algorithms by time, so that equal trainings differ
optim_wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic')
param_scheduler = [dict(type='PolyLR', eta_min=1e-4, power=0.9, begin=0, end=max_iters, by_epoch=False)]

train_cfg = dict(
    **_base_.at_scale,
    seeds=['ce', 'focal_softmax', 'dice', 'tversky', 'jaccard', 'ce + dice'],
)
train_cfg['proxy']['schedule'] = dict(max_iters=max_iters)
train_cfg['budget']['max_trials'] = 2000
