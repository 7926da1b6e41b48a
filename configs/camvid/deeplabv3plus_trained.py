"""The small DeepLabV3+ on CamVid, trained to its end with cross-entropy, for ``deeplabv3plus_finetune_search_bf1.py``.

It sees the 287 frames on which the candidates of that search train, and neither those that score them nor the test set:

``python tools/train.py configs/camvid/deeplabv3plus_trained.py --work-dir work_dirs/camvid_trained``
"""

_base_ = './deeplabv3plus.py'

train_dataloader = dict(dataset=dict(indices=287))
train_cfg = dict(max_iters=700, val_interval=700)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=700, eta_min=0),
]
default_hooks = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=700))
