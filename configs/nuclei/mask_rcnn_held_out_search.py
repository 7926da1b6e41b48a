"""Searches all losses of the small Mask R-CNN on cell nuclei, with a test set that is left for a last word."""

_base_ = './mask_rcnn_search.py'

val_dataloader = dict(dataset=dict(ann_file='annotations/val.json', indices=None))
train_cfg = dict(base_config='{{ fileDirname }}/mask_rcnn_held_out.py')
