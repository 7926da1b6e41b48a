"""The Faster R-CNN on EfficientNet-Lite0 for a last word: trained on train and val, scored on unseen images.

The test set is the first 45 of the 205 images of train, as in ``faster_rcnn_held_out.py``.
"""

_base_ = './lite0.py'

_train = _base_.train_dataloader.dataset
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[dict(_train, indices=-160), dict(_train, ann_file='annotations/val.json')],
    )
)
val_dataloader = dict(dataset=dict(ann_file='annotations/train.json', indices=45))
test_dataloader = val_dataloader
