"""Searches all losses of the small Faster R-CNN on blood cells, with a test set that is left for a last word."""

_base_ = './faster_rcnn_search.py'

val_dataloader = dict(dataset=dict(ann_file='annotations/val.json', indices=None))
train_cfg = dict(base_config='{{ fileDirname }}/faster_rcnn_held_out.py')
