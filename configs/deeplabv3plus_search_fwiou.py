"""The search of ``deeplabv3plus_search_miou.py`` for another metric, the frequency-weighted IoU."""

_base_ = './deeplabv3plus_search_miou.py'

val_evaluator = dict(names=['FWIoU'])  # only what is monitored is counted
train_cfg = dict(metric='FWIoU')
