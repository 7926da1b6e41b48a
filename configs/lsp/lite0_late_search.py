"""Searches the heat-map loss for the last tenth of a training of the head on EfficientNet-Lite0, for PCK at 0.2.

Candidates train on 640 images of train and are scored on val; the test set is left for a last word.
"""

_base_ = ['./lite0.py', '../_base_/search_pose.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

train_dataloader = dict(dataset=dict(indices=-640))

train_cfg = dict(
    _delete_=True,
    **_base_.search,
    base_config='{{ fileDirname }}/lite0_held_out.py',
    proxy=dict(begin='trunk'),
    budget=dict(max_trials=240, baseline_repeats=2, candidate_seeds=3, finalists=8, finalist_repeats=3),
    describe=dict(task='pose', set='lsp', network='heatmap_lite0', hand_made='mse', split='search_val'),
)
