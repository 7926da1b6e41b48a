"""Searches the loss of the narrow ResNet on leaves of beans, with a test set that is left for a last word."""

_base_ = './resnet_search.py'

val_dataloader = dict(dataset=dict(data_prefix='val', indices=None))
train_cfg = dict(base_config='{{ fileDirname }}/resnet_held_out.py')
