"""What every search on a small model shares; the numbers are for few cores."""

search = dict(
    type='mmautoloss.SearchLoop',
    rule='greater',
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
