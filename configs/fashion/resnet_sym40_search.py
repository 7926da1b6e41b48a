"""Searches the loss of the narrow ResNet on Fashion-MNIST for trainings on wrong labels; the val set is never looked at.

Candidates train on 5000 images with wrong labels and are scored on the other 1000 of the training set with right ones: a
search needs few labels that are right.
"""

_base_ = ['./resnet_sym40.py', '../_base_/search_classifier.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

train_dataloader = dict(dataset=dict(indices=5000))
val_dataloader = dict(dataset=dict(ann_file='train.txt', indices=-1000))

train_cfg = dict(
    _delete_=True,
    **_base_.search,
    base_config='{{ fileDirname }}/resnet_sym40.py',
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=_base_.max_iters)),
    budget=dict(max_trials=150, baseline_repeats=2, candidate_seeds=3, finalists=8, finalist_repeats=3),
    describe=dict(
        task='classification', set='fashion_sym40', network='resnet_w16', hand_made='ce', split='search_val'
    ),
)
