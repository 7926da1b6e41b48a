"""Searches the loss of the narrow ResNet on Fashion-MNIST with right labels; the val set is never looked at."""

_base_ = ['./resnet.py', '../_base_/search_classifier.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

# Of the 6000 training images the last 1000 score the candidates and the others train them.
train_dataloader = dict(dataset=dict(indices=5000))
val_dataloader = dict(dataset=dict(ann_file='train.txt', indices=-1000))

train_cfg = dict(
    _delete_=True,
    **_base_.search,
    base_config='{{ fileDirname }}/resnet.py',
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=_base_.max_iters)),
    budget=dict(max_trials=64, baseline_repeats=2, finalists=3, finalist_repeats=2),
    describe=dict(task='classification', set='fashion', network='resnet_w16', hand_made='ce', split='search_val'),
)
