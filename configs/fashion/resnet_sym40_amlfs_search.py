"""Trains the narrow ResNet on wrong labels in ten generations, with a loss that changes from one to the next (AM-LFS).

Each generation has eight candidates with piecewise linear functions of the label's probability, and the next one begins from
the weights that the best of them left.
"""

_base_ = './resnet_sym40_search.py'

train_cfg = dict(
    proxy=dict(begin=dict(generations=10)),
    strategy=dict(_delete_=True, type='Reinforce', family='piecewise', pieces=6, sigma=0.2, lr=0.05, samples=8),
    seeds=['gce', 'taylor_ce'],
    budget=dict(_delete_=True, baseline_repeats=2, confirm_seeds=5),
)
