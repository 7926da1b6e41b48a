"""Searches all five losses of the small Mask R-CNN on digit scenes."""

_base_ = ['./mask_rcnn.py', '../_base_/search_mask_rcnn.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

val_dataloader = dict(dataset=dict(indices=100))  # of 150; pasting and comparing masks takes its time

train_cfg = dict(
    _delete_=True,
    **_base_.search,
    base_config='{{ fileDirname }}/mask_rcnn.py',
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=_base_.max_iters)),
    budget=dict(max_trials=12, baseline_repeats=2, finalists=3, finalist_repeats=2),
    describe=dict(
        task='instance segmentation',
        set='digits',
        network='mask_rcnn_r18w16_fpn',
        hand_made='bce+l1+ce+l1+bce',
        split='search_val',
    ),
)
