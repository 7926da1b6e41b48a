"""What every search on the losses of re-identification shares; the numbers are for small models on few cores."""

search = dict(
    type='mmautoloss.SearchLoop',
    metric='mAP',
    rule='greater',
    branches=dict(
        cls=dict(path='head.loss_cls', inputs='softmax'),
        triplet=dict(path='head.loss_triplet', inputs='triplet'),
    ),
    seeds=[dict(cls='ce', triplet='triplet'), dict(cls='label_smoothing', triplet='triplet_soft')],
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
        samples=4, eta=0.6, steps=100, lr=0.2, optimizer='normalized', early=0.1, balance='gradient', digits=2
    ),
    execute=dict(workers=2, threads=1),
    seed=0,
)
