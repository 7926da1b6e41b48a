"""Searches the loss of the narrow ResNet for trainings on wrong labels, with a test set that is left for a last word."""

_base_ = './resnet_sym40_search.py'

val_dataloader = dict(dataset=dict(ann_file='val.txt', indices=None))
train_cfg = dict(base_config='{{ fileDirname }}/resnet_sym40_held_out.py')
