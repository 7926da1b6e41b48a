"""The search of ``faster_rcnn_search.py`` in the new style of MMEngine; it gives the same."""

# ruff: noqa: F403, F405
from mmengine.config import read_base
from mmengine.runner import IterBasedTrainLoop

from mmautoloss.engine import SearchLoop

with read_base():
    from .._base_.search_faster_rcnn import search
    from .faster_rcnn_lazy import *

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(checkpoint=None, logger=None, timer=None)

train_cfg = dict(
    search,
    type=SearchLoop,
    base_config='faster_rcnn_lazy.py',  # beside this file
    proxy=dict(schedule=dict(type=IterBasedTrainLoop, max_iters=max_iters)),
    budget=dict(max_trials=24, baseline_repeats=2, finalists=3, finalist_repeats=2),
    describe=dict(
        task='detection', set='digits', network='faster_rcnn_r18w16_fpn', hand_made='bce+l1+ce+l1', split='search_val'
    ),
)
