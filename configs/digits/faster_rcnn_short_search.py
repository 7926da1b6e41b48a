"""Searches all four losses of the small Faster R-CNN on digit scenes in short trainings from scratch."""

_base_ = ['./faster_rcnn.py', '../_base_/search_faster_rcnn.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

train_cfg = dict(
    _delete_=True,
    **_base_.search,
    base_config='{{ fileDirname }}/faster_rcnn.py',
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=_base_.max_iters)),
    budget=dict(max_trials=24, baseline_repeats=2, finalists=3, finalist_repeats=2),
    describe=dict(
        task='detection', set='digits', network='faster_rcnn_r18w16_fpn', hand_made='bce+l1+ce+l1', split='search_val'
    ),
)
