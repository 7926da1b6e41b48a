"""Searches the two losses of a ResNet-50 on Market-1501 for the last tenth of a training: two days on four GPUs.

Images of 128 x 64 pixels, mixed precision (searched losses are computed in float32). ``--dry`` says what a candidate takes
on your GPU. With the numbers of the paper: ``published/reid_r50_market_search.py``.
"""

_base_ = ['./published/reid_r50_market_search.py', './_base_/search_at_scale.py']

optim_wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic')

train_cfg = dict(
    **_base_.at_scale,
    seeds=[
        dict(cls='ce', triplet='triplet'),
        dict(cls='ce', triplet='triplet_soft'),
        dict(cls='label_smoothing', triplet='triplet'),
        dict(cls='label_smoothing', triplet='triplet_soft'),
    ],
)
train_cfg['budget']['max_trials'] = 2000
