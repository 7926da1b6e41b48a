"""The DeepLabV3+ on EfficientNet-Lite0, trained to its end on the frames on which the candidates of its searches train.

It sees neither the frames that score them nor the test set:

``python tools/train.py configs/camvid/lite0_trained.py --work-dir work_dirs/camvid_lite0_trained``
"""

_base_ = './lite0.py'

train_dataloader = dict(dataset=dict(indices=287))
default_hooks = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=_base_.max_iters))
