"""Searches the loss of a ResNet-50 on ImageNet for the last tenth of a training: two days on four GPUs.

A tenth of the images at 112 x 112 pixels, mixed precision (searched losses are computed in float32). ``--dry`` says what a
candidate takes on your GPU. With the numbers of the paper: ``published/classifier_search.py``.
"""

_base_ = ['./published/classifier_search.py', './_base_/search_at_scale.py']

optim_wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic')

train_cfg = dict(
    **_base_.at_scale,
    seeds=['ce', 'focal_softmax', 'label_smoothing', 'poly1', 'taylor_ce'],
)
train_cfg['budget']['max_trials'] = 2000
