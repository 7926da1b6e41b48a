"""Searches losses for the last tenth of a training of 700 iterations, for the F1 of the boundaries, BF1.

The hand-made losses are trained for 630 iterations, once a seed; each candidate goes on from there for 70, in which the
learning rate falls to 0. The test set is left for a last word, as in ``deeplabv3plus_held_out_search_bf1.py``.
"""

_base_ = './deeplabv3plus_held_out_search_bf1.py'

param_scheduler = [  # of the whole training, as in configs/transfer/camvid_deeplabv3plus_long.py
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=700, eta_min=0),
]
train_cfg = dict(
    base_config='{{ fileDirname }}/../transfer/camvid_deeplabv3plus_long.py',
    proxy=dict(_delete_=True, begin='trunk'),
    seeds=[
        'ce',
        'focal_softmax',
        'dice',
        'tversky',
        '-y * log(p) + (1 - 2 * mean_nhw(p * y) / (mean_nhw(p ** 2) + mean_nhw(y ** 2)))',  # cross-entropy and Dice
    ],
)
