"""Searches all four losses of the small Faster R-CNN on digit scenes for the last fifth of a training on incomplete
annotations: what ``make search`` runs.

It begins with the hand-made losses, and with what an expert would try: a cross-entropy that counts rare classes more.
"""

_base_ = ['./faster_rcnn_incomplete.py', '../_base_/search_faster_rcnn.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

_hand_made = _base_.search.seeds[0]
train_cfg = dict(
    _delete_=True,
    **dict(
        _base_.search,
        metric='detection/F1',
        seeds=[_hand_made, dict(_hand_made, roi_cls='-y * log(p) / sqrt(mean_nhw(y) + 0.001)')],
        strategy=dict(_base_.search.strategy, initial=2),
    ),
    base_config='{{ fileDirname }}/faster_rcnn_incomplete.py',
    proxy=dict(begin=dict(at=0.8)),
    budget=dict(max_trials=16, baseline_repeats=1, finalists=3, finalist_repeats=1),
    describe=dict(
        task='detection',
        set='digits_missing40',
        network='faster_rcnn_r18w16_fpn',
        hand_made='bce+l1+ce+l1',
        split='search_val',
    ),
)
