"""Searches all five losses of the small Mask R-CNN on nuclei for the last tenth of a training of 600 iterations.

Candidates train on 160 images of train and are scored on val; the test set is left for a last word.
"""

_base_ = ['./mask_rcnn_long.py', '../_base_/search_mask_rcnn.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

train_dataloader = dict(dataset=dict(indices=-160))

_boxes = dict(rpn_cls='bce', rpn_box='l1', roi_cls='ce', roi_box='l1')
train_cfg = dict(
    _delete_=True,
    **_base_.search,
    base_config='{{ fileDirname }}/mask_rcnn_long_held_out.py',
    proxy=dict(begin='trunk'),
    budget=dict(max_trials=240, baseline_repeats=2, candidate_seeds=3, finalists=12, finalist_repeats=3),
    describe=dict(
        task='instance segmentation',
        set='nuclei',
        network='mask_rcnn_r18w16_fpn',
        hand_made='bce+l1+ce+l1+bce',
        split='search_val',
    ),
)
train_cfg['seeds'] = [
    dict(_boxes, mask='bce'),
    dict(_boxes, mask='dice'),
    dict(_boxes, mask='bce_dice'),
    dict(_boxes, mask='focal'),
    dict(rpn_cls='bce', rpn_box='smooth_l1', roi_cls='ce', roi_box='smooth_l1', mask='bce'),
    dict(rpn_cls='bce', rpn_box='mse', roi_cls='ce', roi_box='mse', mask='bce'),
    dict(rpn_cls='focal', rpn_box='l1', roi_cls='focal_softmax', roi_box='l1', mask='bce'),
]
