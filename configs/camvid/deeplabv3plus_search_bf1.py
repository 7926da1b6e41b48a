"""Searches both losses of the small DeepLabV3+ on CamVid for the F1 of the boundaries, BF1."""

_base_ = './deeplabv3plus_search_miou.py'

train_cfg = dict(metric='BF1')
