"""Searches losses with which a trained model goes on, for the F1 of the boundaries, BF1.

Each candidate trains the model of ``deeplabv3plus_trained.py`` for 70 iterations more, at half the learning rate, which
falls to 0. The test set is left for a last word, as in ``deeplabv3plus_held_out_search_bf1.py``.
"""

_base_ = './deeplabv3plus_late_search_bf1.py'

train_cfg = dict(
    proxy=dict(_delete_=True, begin=dict(checkpoint='work_dirs/camvid_trained/iter_700.pth')),
    budget=dict(max_trials=48),
)
