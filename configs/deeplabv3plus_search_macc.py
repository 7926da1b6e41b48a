"""The search of ``deeplabv3plus_search_miou.py`` for another metric, the mean accuracy of the classes."""

_base_ = './deeplabv3plus_search_miou.py'

val_evaluator = dict(names=['mAcc'])  # only what is monitored is counted
train_cfg = dict(metric='mAcc')
