"""Searches all four losses of Faster R-CNN R50-FPN on COCO, with the published numbers of AutoLoss-Zero.

Published: K = 20, P = 2500, T = 5 %, D = 3, B = 5, eta = 0.6, 10 % copies, 50 % fresh graphs, two digits, invalid stop
within 20 updates, over 10^6 candidates explored. Not published, so ours: the proxy's schedule, the descent of the
rejection test, how branches are varied. Meant for GPUs: one candidate each, ``--workers N``.
"""

_base_ = ['../faster_rcnn.py', '../_base_/search_published.py', '../_base_/search_coco.py']

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
    base_config='{{ fileDirname }}/../faster_rcnn.py',
    metric='coco/bbox_mAP',
    branches=dict(
        rpn_cls=dict(path='rpn_head.loss_cls', inputs='sigmoid'),
        rpn_box=dict(path='rpn_head.loss_bbox', inputs='delta'),
        roi_cls=dict(path='roi_head.bbox_head.loss_cls', inputs='softmax'),
        roi_box=dict(path='roi_head.bbox_head.loss_bbox', inputs='delta'),
    ),
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=_base_.max_iters), invalid_stop=20),
    describe=dict(
        task='detection', set='coco', network='faster_rcnn_r50_fpn', hand_made='bce+l1+ce+l1', split='search_val'
    ),
)
