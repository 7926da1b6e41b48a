"""The search of ``deeplabv3plus_search_miou.py`` for another metric, the mean accuracy of the classes."""

_base_ = './deeplabv3plus_search_miou.py'

train_cfg = dict(metric='mAcc')
