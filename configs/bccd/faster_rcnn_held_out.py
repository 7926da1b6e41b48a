"""The small Faster R-CNN on blood cells for a last word: trained on train and val, scored on images that no search has seen.

The test set is the first 45 of the 205 images of train: a search with ``faster_rcnn_held_out_search.py`` trains on the other
160 and scores on val.
"""

_base_ = './faster_rcnn.py'

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
