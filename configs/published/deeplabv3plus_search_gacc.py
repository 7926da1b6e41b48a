"""The search of ``deeplabv3plus_search_miou.py`` for another metric, the accuracy over all pixels."""

_base_ = './deeplabv3plus_search_miou.py'

train_cfg = dict(metric='gAcc')
