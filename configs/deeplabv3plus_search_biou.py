"""The search of ``deeplabv3plus_search_miou.py`` for another metric, the IoU of the boundaries."""

_base_ = './deeplabv3plus_search_miou.py'

val_evaluator = dict(names=['BIoU'], band=5)  # only what is monitored is counted
train_cfg = dict(metric='BIoU')
