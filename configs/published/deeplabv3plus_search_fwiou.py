"""The search of ``deeplabv3plus_search_miou.py`` for another metric, the IoU weighted by the frequency of the classes."""

_base_ = './deeplabv3plus_search_miou.py'

train_cfg = dict(metric='FWIoU')
