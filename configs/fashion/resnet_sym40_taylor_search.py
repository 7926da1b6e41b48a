"""Searches the loss of the narrow ResNet for wrong labels among Taylor polynomials, whose coefficients CMA-ES tunes."""

_base_ = './resnet_sym40_search.py'

train_cfg = dict(
    strategy=dict(_delete_=True, type='CMAES', family='taylor', order=4, sigma=0.5),
    budget=dict(max_trials=60, finalists=4, finalist_repeats=2),
)
