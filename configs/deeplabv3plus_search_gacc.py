"""The search of ``deeplabv3plus_search_miou.py`` for another metric, the share of pixels that are right."""

_base_ = './deeplabv3plus_search_miou.py'

val_evaluator = dict(names=['gAcc'])  # only what is monitored is counted
train_cfg = dict(metric='gAcc')
