"""Searches by the real planner among losses of known truth: how often a verdict is wrong, and how often right."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from statistics import fmean, stdev

import pytest

from mmautoloss.report import verdict as module
from mmautoloss.report.statistics import paired_difference
from mmautoloss.report.verdict import Verdict, verdict_of
from mmautoloss.search import Budget
from mmautoloss.testing.simulated_searches import simulate
from mmautoloss.trial import History

BUDGET = Budget(max_trials=14)
BETTER = 9  # the number of a searched trial


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bootstrap only widens an interval, and takes nearly all the time."""
    monkeypatch.setattr(module, 'paired_difference', partial(paired_difference, draws=50))


def searches(effect: Callable[[int], float], count: int, budget: Budget = BUDGET) -> Iterator[tuple[History, Verdict]]:
    for seed in range(count):
        history = simulate(budget, effect, random.Random(seed), slots=1 + seed % 3)
        yield history, verdict_of(history, history.ranking(1))


def bias(values: list[float]) -> float:
    """The mean, in standard errors."""
    return fmean(values) / (stdev(values) / len(values) ** 0.5)


@pytest.mark.parametrize('count', [150, pytest.param(1000, marks=pytest.mark.slow)])
def test_where_all_losses_are_equal_few_searches_say_better_and_no_gain_is_printed(count: int) -> None:
    words: Counter[str] = Counter()
    gains, chosen = [], []
    for history, verdict in searches(lambda number: 0.0, count):
        words[verdict.word] += 1
        gains.append(verdict.gain)
        chosen.append(fmean(history.scores_of(history.winner().number)) - fmean(history.baseline_scores()))
    assert words['better'] <= 0.05 * count and words['worse'] <= 0.05 * count, words
    assert words['better'] + words['worse'] > 0.01 * count, 'the interval is not idle'
    assert words.keys() <= {'better', 'worse', 'even'} and abs(bias(gains)) < 3
    assert fmean(chosen) > 0.3, 'the scores that choose are too high'


def test_where_the_best_known_loss_is_as_good_few_searches_claim_both() -> None:
    """All but the hand-made losses are better than these by far."""
    claims = Counter(verdict.over_rival for _, verdict in searches(lambda number: 3.0 * (number > 0), 150))
    assert claims['better'] <= 0.05 * 150, claims


def test_a_better_loss_is_found_in_most_searches() -> None:
    """By 1.5 standard deviations over seeds, of which losses share half the variance."""
    found = list(searches(lambda number: 1.5 * (number == BETTER), 100))
    share = fmean(verdict.word == 'better' for _, verdict in found)
    assert share > 0.5 and fmean(history.winner().number == BETTER for history, _ in found) > 0.8
    right = [verdict.gain for history, verdict in found if history.winner().number == BETTER]
    assert abs(fmean(right) - 1.5) < 3 * stdev(right) / len(right) ** 0.5, 'the gain is neither too good nor too poor'


def test_more_fresh_seeds_find_it_more_often() -> None:
    budget = Budget(max_trials=14, confirm_seeds=10)
    words = Counter(verdict.word for _, verdict in searches(lambda number: 1.5 * (number == BETTER), 60, budget))
    assert words['better'] > 45, words
