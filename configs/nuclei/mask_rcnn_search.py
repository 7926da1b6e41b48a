"""Searches all five losses of the small Mask R-CNN on cell nuclei; the val set is never looked at."""

_base_ = ['./mask_rcnn.py', '../_base_/search_mask_rcnn.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

# Of the 200 training images the first 40 score the candidates and the others train them.
train_dataloader = dict(dataset=dict(indices=-160))
val_dataloader = dict(dataset=dict(ann_file='annotations/train.json', indices=40))

train_cfg = dict(
    _delete_=True,
    **_base_.search,
    base_config='{{ fileDirname }}/mask_rcnn.py',
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=_base_.max_iters)),
    budget=dict(max_trials=64, baseline_repeats=2, finalists=3, finalist_repeats=2),
    describe=dict(
        task='instance segmentation',
        set='nuclei',
        network='mask_rcnn_r18w16_fpn',
        hand_made='bce+l1+ce+l1+bce',
        split='search_val',
    ),
)
