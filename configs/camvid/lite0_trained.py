"""The DeepLabV3+ on EfficientNet-Lite0, trained to its end on the frames on which the candidates of its searches train.

It sees neither the frames that score them nor the test set:

``python tools/train.py configs/camvid/lite0_trained.py --work-dir work_dirs/camvid_lite0_trained``
"""

_base_ = './lite0.py'

_frames = _base_.train_dataloader.dataset
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[
            dict(_frames, indices=207),
            dict(_frames, data_prefix=dict(img_path='img/val', seg_map_path='ann/val'), indices=50),
        ],
    )
)
default_hooks = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=_base_.max_iters))
