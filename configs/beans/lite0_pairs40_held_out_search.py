"""Searches the loss of the linear classifier on leaves of beans for trainings on wrong labels; a test set is left."""

_base_ = './lite0_held_out_search.py'

train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='mmautoloss.NoisyLabels', dataset=_base_.train_dataloader.dataset, rate=0.4, kind='pairs'
    )
)
train_cfg = dict(
    base_config='{{ fileDirname }}/lite0_pairs40_held_out.py',
    budget=dict(max_trials=200, baseline_repeats=2, candidate_seeds=3, finalists=8, finalist_repeats=3),
    describe=dict(set='beans_pairs40'),
)
