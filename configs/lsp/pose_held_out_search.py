"""Searches all losses of the small heat-map network on Leeds Sports Pose, with a test set that is left for a last word."""

_base_ = './pose_search.py'

val_dataloader = dict(dataset=dict(ann_file='annotations/val.json', indices=None))
train_cfg = dict(base_config='{{ fileDirname }}/pose_held_out.py')
