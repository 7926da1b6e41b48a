"""The narrow ResNet on wrong labels for a last word: scored on images that no search has seen.

The test set is the last 1000 of the 6000 images of train, with their right labels; a search with
``resnet_sym40_held_out_search.py`` trains on the other 5000, as this config does, and scores on val.
"""

_base_ = './resnet_sym40.py'

train_dataloader = dict(dataset=dict(indices=5000))
val_dataloader = dict(dataset=dict(ann_file='train.txt', indices=-1000))
test_dataloader = val_dataloader
