"""Searches the two losses of the narrow ResNet that tells leaves apart; the val set is never looked at."""

_base_ = ['./resnet.py', '../_base_/search_reid.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

# Of the 359 leaves for training every fourth scores the candidates and the others train them.
train_dataloader = dict(dataset=dict(identities=[leaf for leaf in range(359) if leaf % 4]))
val_dataloader = dict(dataset=dict(ann_file='train.txt', identities=list(range(0, 359, 4))))

train_cfg = dict(
    _delete_=True,
    **_base_.search,
    base_config='{{ fileDirname }}/resnet.py',
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=_base_.max_iters)),
    budget=dict(max_trials=150, baseline_repeats=2, candidate_seeds=3, finalists=8, finalist_repeats=3),
    describe=dict(task='reid', set='leaf_reid', network='resnet_w16', hand_made='ce+triplet', split='search_val'),
)
