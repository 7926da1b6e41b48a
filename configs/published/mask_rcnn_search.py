"""Searches all five losses of Mask R-CNN R50-FPN on COCO, with the published numbers of AutoLoss-Zero.

What is published and what is ours: see ``faster_rcnn_search.py``, whose schedule this is. Meant for GPUs: one candidate
each, ``--workers N``.
"""

_base_ = [
    '../mask_rcnn.py',
    '../_base_/search_mask_rcnn.py',
    '../_base_/search_published.py',
    '../_base_/search_coco.py',
]

train_dataloader = _base_.coco.train_dataloader
val_dataloader = _base_.coco.val_dataloader
# A file would count the objects of all its images; without one the truth is that of val_dataloader ("instances").
val_evaluator = dict(ann_file=None)
optim_wrapper = _base_.coco.optim_wrapper
param_scheduler = _base_.coco.param_scheduler
auto_scale_lr = None
log_level = 'ERROR'
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

train_cfg = dict(
    _delete_=True,
    **_base_.published,
    base_config='{{ fileDirname }}/../mask_rcnn.py',
    metric=_base_.search.metric,
    branches=_base_.search.branches,
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=_base_.max_iters), invalid_stop=20),
    describe=dict(
        task='instance segmentation',
        set='coco',
        network='mask_rcnn_r50_fpn',
        hand_made='bce+l1+ce+l1+bce',
        split='search_val',
    ),
)
