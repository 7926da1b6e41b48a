"""Searches the loss of the linear classifier on leaves of beans, with a test set that is left for a last word."""

_base_ = './lite0_search.py'

val_dataloader = dict(dataset=dict(data_prefix='val', indices=None))
train_cfg = dict(base_config='{{ fileDirname }}/lite0_held_out.py')
