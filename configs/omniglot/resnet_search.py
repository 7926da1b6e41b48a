"""Searches the two losses of the narrow ResNet for one-shot characters; the val set is never looked at."""

_base_ = ['./resnet.py', '../_base_/search_reid.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

# Of the 203 characters for training every fourth scores the candidates and the others train them.
train_dataloader = dict(dataset=dict(identities=[character for character in range(203) if character % 4]))
val_dataloader = dict(dataset=dict(ann_file='train.txt', identities=list(range(0, 203, 4))))

train_cfg = dict(
    _delete_=True,
    **{**_base_.search, 'metric': 'one_shot'},
    base_config='{{ fileDirname }}/resnet.py',
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=_base_.max_iters)),
    budget=dict(max_trials=64, baseline_repeats=2, finalists=3, finalist_repeats=2),
    describe=dict(task='one_shot', set='omniglot', network='resnet_w16', hand_made='ce+triplet', split='search_val'),
)
