"""What every search on the loss of a heat-map head shares; the numbers are for small models on few cores.

To search for the mean error instead of the share of hits, set ``rule='less'``, ``metric='NME'`` and
``val_evaluator=dict(_delete_=True, type='NME', norm_mode='use_norm_item', norm_item='bbox_size')``.
"""

search = dict(
    type='mmautoloss.SearchLoop',
    metric='PCK',
    rule='greater',
    branches=dict(heatmap=dict(path='head.loss_module', inputs='heatmap')),
    seeds=['mse', 'l1', 'adaptive_wing'],
    strategy=dict(
        type='RegularizedEvolution',
        initial=6,
        tournament=0.3,
        copy_rate=0.0,
        fresh_rate=0.15,
        vary='one',
        mutations=3,
        distinct=True,
    ),
    screen=dict(
        samples=5, eta=0.6, steps=100, lr=0.2, optimizer='normalized', early=0.1, balance='gradient', digits=2
    ),
    execute=dict(workers=2, threads=1),
    seed=0,
)
