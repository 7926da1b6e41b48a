"""The search on blood cells with trainings three times as long: seeds then differ by 0.01, after 150 iterations by 0.05.

It begins at the hand-made losses and at the box losses that an expert would try.
"""

_base_ = './faster_rcnn_held_out_search.py'

param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=60),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=60, end=450, eta_min=0),
]
train_cfg = dict(
    base_config='{{ fileDirname }}/../transfer/bccd_faster_rcnn_long.py',
    proxy=dict(schedule=dict(max_iters=450)),
    seeds=[
        dict(rpn_cls='bce', rpn_box='l1', roi_cls='ce', roi_box='l1'),
        dict(rpn_cls='bce', rpn_box='smooth_l1', roi_cls='ce', roi_box='smooth_l1'),
        dict(rpn_cls='bce', rpn_box='mse', roi_cls='ce', roi_box='mse'),
    ],
    budget=dict(max_trials=48),
)
