"""Searches the heat-map loss of the small pose network on digit scenes."""

_base_ = ['./pose.py', '../_base_/search_pose.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

train_cfg = dict(
    _delete_=True,
    **_base_.search,
    base_config='{{ fileDirname }}/pose.py',
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=_base_.max_iters)),
    budget=dict(max_trials=16, baseline_repeats=2, finalists=3, finalist_repeats=2),
    describe=dict(task='pose', set='digits', network='heatmap_r18w16', hand_made='mse', split='search_val'),
)
