"""Searches all four losses of the Faster R-CNN on EfficientNet-Lite0 for the last tenth of a training, for mAP.

Candidates train on 160 images of train and are scored on val; the test set is left for a last word.
"""

_base_ = ['./lite0.py', '../_base_/search_faster_rcnn.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

train_dataloader = dict(dataset=dict(indices=-160))

train_cfg = dict(
    _delete_=True,
    **_base_.search,
    base_config='{{ fileDirname }}/lite0_held_out.py',
    proxy=dict(begin='trunk'),
    budget=dict(max_trials=240, baseline_repeats=2, candidate_seeds=3, finalists=12, finalist_repeats=3),
    describe=dict(
        task='detection', set='bccd', network='faster_rcnn_lite0', hand_made='bce+l1+ce+l1', split='search_val'
    ),
)
train_cfg['seeds'] = [
    dict(rpn_cls='bce', rpn_box='l1', roi_cls='ce', roi_box='l1'),
    dict(rpn_cls='bce', rpn_box='smooth_l1', roi_cls='ce', roi_box='smooth_l1'),
    dict(rpn_cls='bce', rpn_box='mse', roi_cls='ce', roi_box='mse'),
    dict(rpn_cls='bce', rpn_box='l1', roi_cls='focal_softmax', roi_box='l1'),
    dict(rpn_cls='focal', rpn_box='l1', roi_cls='ce', roi_box='l1'),
    dict(rpn_cls='focal', rpn_box='mse', roi_cls='focal_softmax', roi_box='mse'),
]
