"""Searches both losses of the small DeepLabV3+ on digit scenes."""

_base_ = ['./deeplabv3plus.py', '../_base_/search_segmentation.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

train_cfg = dict(
    _delete_=True,
    **_base_.search,
    metric='mIoU',
    base_config='{{ fileDirname }}/deeplabv3plus.py',
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=_base_.max_iters)),
    budget=dict(max_trials=16, baseline_repeats=2, finalists=3, finalist_repeats=2),
    describe=dict(
        task='segmentation', set='digits', network='deeplabv3plus_r18w16', hand_made='ce+ce', split='search_val'
    ),
)
