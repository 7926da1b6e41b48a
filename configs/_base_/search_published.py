"""What every search with the published numbers of AutoLoss-Zero shares: K, P, T, D, eta, shares of copies and fresh graphs.

What each number is, and which are not published, is said in the configs on top.
"""

published = dict(
    type='mmautoloss.SearchLoop',
    rule='greater',
    strategy=dict(
        type='RegularizedEvolution',
        initial=20,
        population=2500,
        tournament=0.05,
        depth=3,
        copy_rate=0.1,
        fresh_rate=0.5,
        vary='all',
    ),
    screen=dict(samples=5, eta=0.6, steps=100, lr=0.2, optimizer='normalized', balance='gradient', digits=2),
    budget=dict(max_trials=2000, baseline_repeats=2, finalists=3, finalist_repeats=2),
    seed=0,
)
