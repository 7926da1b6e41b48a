"""Trains the narrow ResNet that tells leaves apart in ten generations, with losses that change between them (AM-LFS).

Tuned are a piecewise linear function of the identity's probability and the margin of the triplet loss.
"""

_base_ = './resnet_search.py'

train_cfg = dict(
    proxy=dict(begin=dict(generations=10)),
    strategy=dict(
        _delete_=True,
        type='Reinforce',
        family=dict(cls='piecewise', triplet='0.5 * (a - n + {m=0.3, 0..2} + abs(a - n + {m}))'),
        samples=8,
    ),
    seeds=[dict(cls='ce', triplet='triplet_soft')],
    budget=dict(_delete_=True, baseline_repeats=2, confirm_seeds=5),
)
