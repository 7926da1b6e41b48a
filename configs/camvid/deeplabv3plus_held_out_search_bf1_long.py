"""The search for BF1 with trainings three times as long, for losses that are to be used in long trainings."""

_base_ = './deeplabv3plus_held_out_search_bf1.py'

param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=30, end=210, eta_min=0),
]
train_cfg = dict(
    proxy=dict(schedule=dict(max_iters=210)), base_config='{{ fileDirname }}/../transfer/camvid_deeplabv3plus_long.py'
)
