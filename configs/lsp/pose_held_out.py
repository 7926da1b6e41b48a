"""The small heat-map network on Leeds Sports Pose for a last word: trained on train and val, scored on unseen images.

The test set is the first 160 of the 800 images of train: a search with ``pose_held_out_search.py`` trains on the other
640 and scores on val.
"""

_base_ = './pose.py'

_train = _base_.train_dataloader.dataset
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[dict(_train, indices=-640), dict(_train, ann_file='annotations/val.json')],
    )
)
val_dataloader = dict(dataset=dict(ann_file='annotations/train.json', indices=160))
test_dataloader = val_dataloader
