"""The small DeepLabV3+ on CamVid, trained ten times as long: does a loss that was found in 70 iterations hold in 700?

``python -m mmautoloss transfer WORK_DIR configs/transfer/camvid_deeplabv3plus_long.py`` trains it with the losses of a
search.
"""

_base_ = '../camvid/deeplabv3plus_held_out.py'

train_cfg = dict(max_iters=700, val_interval=700)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=700, eta_min=0),
]
