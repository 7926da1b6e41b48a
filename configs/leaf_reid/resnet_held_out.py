"""The narrow ResNet that tells leaves apart for a last word: scored on leaves that no search has seen.

The test set is every fourth of the 359 leaves of train; a search with ``resnet_held_out_search.py`` trains on the others,
and scores on val.
"""

_base_ = './resnet.py'

train_dataloader = dict(dataset=dict(identities=[leaf for leaf in range(359) if leaf % 4]))
val_dataloader = dict(dataset=dict(ann_file='train.txt', identities=list(range(0, 359, 4))))
test_dataloader = val_dataloader
