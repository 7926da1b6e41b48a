"""A second search for BF1, with trainings three times as long, from what the first one found: for longer trainings.

From hand-made losses alone, trainings of this length find nothing better than Dice in 64 trials: there are too few of them.
"""

_base_ = './deeplabv3plus_held_out_search_bf1.py'

param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=30, end=210, eta_min=0),
]
_overlap = '1 - maxpool(2 * (p * y) / (mean_nhw(p ** 2) + mean_nhw(y)))'  # of found 100 and 94
train_cfg = dict(
    base_config='{{ fileDirname }}/../transfer/camvid_deeplabv3plus_long.py',
    proxy=dict(schedule=dict(max_iters=210)),
    seeds=[
        'ce',
        'dice',
        dict(decode=_overlap, aux='-(mean_nhw(log(p) * y) / (mean_nhw(p ** 2) + y))'),
        dict(decode=_overlap, aux='-(mean_nhw(sqrt(p * y)) / (mean_nhw(mean_nhw(p ** 2)) + mean_nhw(y)))'),
        dict(decode='dice', aux='-(mean_nhw(log(p) * y) / (mean_nhw(p ** 2) + y))'),
    ],
    budget=dict(max_trials=48),
)
