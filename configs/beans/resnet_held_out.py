"""The narrow ResNet on leaves of beans for a last word: scored on images that no search has seen.

The test set is every fourth of the 1034 images of train; a search with ``resnet_held_out_search.py`` trains on the others,
and scores on val. This config trains on both.
"""

_base_ = './resnet.py'

_train = _base_.train_dataloader.dataset
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[
            dict(_train, indices=[index for index in range(1034) if index % 4]),
            dict(_train, data_prefix='val'),
        ],
    )
)
val_dataloader = dict(dataset=dict(data_prefix='train', indices=list(range(0, 1034, 4))))
test_dataloader = val_dataloader
