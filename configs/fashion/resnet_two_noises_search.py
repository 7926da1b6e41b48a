"""Searches one loss of the narrow ResNet for two kinds of wrong labels: at random, and of easily confused classes.

No fixed loss is right for both: robust ones gain much on ``sym40`` and lose on ``asym40``. A candidate is trained twice,
once as each search config says; its score is its mean gain over cross-entropy, in standard deviations of that, which six
trainings of cross-entropy a task fix.
"""

_base_ = './resnet_sym40_search.py'

train_cfg = dict(
    tasks=dict(
        sym40='{{ fileDirname }}/resnet_sym40_search.py',
        asym40='{{ fileDirname }}/resnet_asym40_search.py',
    ),
    aggregate='gain',
    budget=dict(max_trials=64, baseline_repeats=5, candidate_seeds=1),
    describe=dict(set='fashion_two_noises'),
)
