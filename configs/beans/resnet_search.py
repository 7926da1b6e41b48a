"""Searches the loss of the narrow ResNet on leaves of beans; the val set is never looked at."""

_base_ = ['./resnet.py', '../_base_/search_classifier.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

# Of the 1034 training images every fourth scores the candidates and the others train them: they are in order of their class.
_scored = list(range(0, 1034, 4))
train_dataloader = dict(dataset=dict(indices=[index for index in range(1034) if index % 4]))
val_dataloader = dict(dataset=dict(data_prefix='train', indices=_scored))

train_cfg = dict(
    _delete_=True,
    **_base_.search,
    base_config='{{ fileDirname }}/resnet.py',
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=_base_.max_iters)),
    budget=dict(max_trials=64, baseline_repeats=2, finalists=3, finalist_repeats=2),
    describe=dict(task='classification', set='beans', network='resnet_w16', hand_made='ce', split='search_val'),
)
