"""Searches the two losses of the narrow ResNet that tells leaves apart, with a test set that is left for a last word."""

_base_ = './resnet_search.py'

val_dataloader = dict(dataset=dict(ann_file='val.txt', identities=None))
train_cfg = dict(base_config='{{ fileDirname }}/resnet_held_out.py')
