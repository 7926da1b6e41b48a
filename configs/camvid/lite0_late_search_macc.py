"""Searches the loss of the DeepLabV3+ on EfficientNet-Lite0 for the last tenth of a training, for mAcc.

It begins also at what follows this metric by design: cross-entropy with weighted classes, and the soft recall.
"""

_base_ = './lite0_late_search_bf1.py'

train_cfg = dict(
    metric='mAcc',
    seeds=[
        'ce',
        'focal_softmax',
        'dice',
        'tversky',
        'ce + dice',
        'focal_softmax_dice',
        '-(y * log(p)) / (mean_nhw(y) + 0.01)',  # classes weighted by their inverse frequency in the batch
        '-(y * log(p)) / sqrt(mean_nhw(y) + 0.01)',
        '1 - mean_nhw(p * y) / (mean_nhw(y) + 0.001)',  # soft recall, whose hard form is the metric
        '1 - mean_nhw(p * y) / (mean_nhw(p * y) + 0.1 * mean_nhw(p * (1 - y)) + 0.9 * mean_nhw((1 - p) * y))',
    ],
    budget=dict(max_trials=200, candidate_seeds=3, finalists=8, finalist_repeats=3),
)
