"""The search of ``deeplabv3plus_search_miou.py`` for another metric, the F1 of the boundaries."""

_base_ = './deeplabv3plus_search_miou.py'

train_cfg = dict(metric='BF1')
