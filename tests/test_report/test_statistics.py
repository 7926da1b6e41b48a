"""Paired differences: whether "better" is only said where it may be."""

from __future__ import annotations

import random

import pytest

from mmautoloss.report.statistics import paired_difference


def test_only_common_seeds_count():
    found = paired_difference(
        {0: 1.0, 1: 2.0, 2: 3.0, 3: 1.0, 4: 1.0, 9: 100.0}, {0: 0.5, 1: 1.5, 2: 2.5, 3: 0.5, 4: 0.5, 7: -100.0}
    )
    assert (found.mean, found.low, found.high, found.seeds) == (0.5, 0.5, 0.5, 5)


@pytest.mark.parametrize('seeds', [0, 1, 2, 4])
def test_of_few_seeds_nothing_is_said(seeds):
    values = {seed: float(seed) for seed in range(seeds)}
    assert paired_difference(values, values) is None


@pytest.mark.parametrize(
    ('differences', 'greater', 'word'),
    [
        ((0.1, 0.2, 0.1, 0.3, 0.1), True, 'better'),
        ((0.1, 0.2, 0.1, 0.3, 0.1), False, 'worse'),
        ((-0.1, -0.2, -0.1, -0.3, -0.1), True, 'worse'),
        ((-0.1, -0.2, -0.1, -0.3, -0.1), False, 'better'),
        ((0.1, -0.2, 0.1, 0.0, 0.1), True, 'no difference'),
        ((0.0,) * 5, True, 'no difference'),
    ],
)
def test_the_word(differences, greater, word):
    values = dict(enumerate(differences))
    assert paired_difference(values, dict.fromkeys(values, 0.0)).word(greater) == word


@pytest.mark.parametrize('seeds', [5, 20])
def test_the_interval_has_the_truth_about_as_often_as_it_says(seeds):
    """Plain percentiles have it in 83 of 100 cases for 5 seeds."""
    rng = random.Random(0)
    hits = 0
    for _ in range(300):
        values = {seed: rng.gauss(0.3, 1.0) for seed in range(seeds)}
        found = paired_difference(values, dict.fromkeys(values, 0.0), draws=1000)
        hits += found.low <= 0.3 <= found.high
    assert 0.87 < hits / 300 <= 0.99
