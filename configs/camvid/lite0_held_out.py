"""The DeepLabV3+ on EfficientNet-Lite0 for a last word: trained on train and val, scored on frames that no search has seen.

The test set is the last 80 of the 367 frames of train, as in ``deeplabv3plus_held_out.py``.
"""

_base_ = './lite0.py'

_train = _base_.train_dataloader.dataset
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[
            dict(_train, indices=287),
            dict(_train, data_prefix=dict(img_path='img/val', seg_map_path='ann/val')),
        ],
    )
)
val_dataloader = dict(dataset=dict(data_prefix=dict(img_path='img/train', seg_map_path='ann/train'), indices=-80))
test_dataloader = val_dataloader
