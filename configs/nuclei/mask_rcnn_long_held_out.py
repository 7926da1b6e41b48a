"""The Mask R-CNN of ``mask_rcnn_long.py`` for a last word: trained on train and val, scored on unseen images.

The test set is the first 40 of the 200 images of train, as in ``mask_rcnn_held_out.py``.
"""

_base_ = './mask_rcnn_long.py'

_train = _base_.train_dataloader.dataset
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[dict(_train, indices=-160), dict(_train, ann_file='annotations/val.json')],
    )
)
val_dataloader = dict(dataset=dict(ann_file='annotations/train.json', indices=40))
test_dataloader = val_dataloader
