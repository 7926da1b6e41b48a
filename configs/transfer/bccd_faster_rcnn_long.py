"""The small Faster R-CNN on blood cells, trained three times as long: do losses that were found in 150 iterations hold?

``python -m mmautoloss transfer WORK_DIR configs/transfer/bccd_faster_rcnn_long.py`` trains it with the losses of a search.
"""

_base_ = '../bccd/faster_rcnn_held_out.py'

train_cfg = dict(max_iters=450, val_interval=450)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=60),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=60, end=450, eta_min=0),
]
