"""What searches on large data share: numbers with which evolution acts within two days on four GPUs.

The published ones (``search_published.py``) are for weeks of many GPUs: with P = 2500 and 2000 trainings nothing ages, and
half of the candidates are random. These are those of the searches on small models, whose results ``docs/results.md`` has.
"""

at_scale = dict(
    strategy=dict(
        initial=20,
        population=300,
        tournament=0.1,
        copy_rate=0.0,
        fresh_rate=0.15,
        vary='one',
        mutations=3,
        distinct=True,
    ),
    screen=dict(early=0.1),
    proxy=dict(begin='trunk'),  # the hand-made losses, then the candidates in the last tenth
    budget=dict(
        max_seconds=40 * 3600,  # then no new candidate begins; finalists and the verdict take the rest of two days
        baseline_repeats=2,
        candidate_seeds=2,
        finalists=8,
        finalist_repeats=3,
    ),
    execute=dict(workers=4),
)
