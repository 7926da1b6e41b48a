"""Kendall's tau of short and long trainings, and which candidates are taken."""

from __future__ import annotations

import itertools
import random

import pytest

from mmautoloss.expr import Genome
from mmautoloss.report.correlation import Pair, choose_spread, correlation_of, kendall
from mmautoloss.trial import History, Outcome, Role, State, Trial

GENOME = Genome.from_text({'cls': '-y * log(p)'})


def slow_tau(pairs: list[Pair]) -> float:
    """Tau-b by its definition, pair by pair."""
    sign = lambda x: (x > 0) - (x < 0)  # noqa: E731
    agree = short = long = 0
    for a, b in itertools.combinations(pairs, 2):
        agree += sign(a.short - b.short) * sign(a.long - b.long)
        short += a.short != b.short
        long += a.long != b.long
    return agree / (short * long) ** 0.5


def test_tau_is_that_of_the_definition_also_with_ties():
    rng = random.Random(0)
    for _ in range(50):
        pairs = [Pair(i, rng.randrange(6), rng.randrange(6)) for i in range(9)]
        assert kendall(pairs) == pytest.approx(slow_tau(pairs))


@pytest.mark.parametrize('pairs', [[], [Pair(0, 1.0, 1.0)], [Pair(0, 1.0, 1.0), Pair(1, 1.0, 2.0)]])
def test_where_nothing_can_be_said_nothing_is(pairs):
    found = correlation_of(pairs, 10)
    assert found.tau is None and found.tau_range is None


def test_what_is_told_of_a_search():
    pairs = [
        Pair(number, score, long)
        for number, score, long in ((1, 0.9, 0.5), (2, 0.8, 0.7), (3, 0.1, 0.2), (4, 0.5, None))
    ]
    found = correlation_of(pairs, 10)
    assert [pair.trial for pair in found.pairs] == [1, 2, 4, 3]
    assert (found.failed, found.few, found.best_kept) == (1, 1, 0.0)
    assert found.regret == pytest.approx(0.2)
    assert found.tau == pytest.approx(1 / 3)


def test_the_hand_made_losses_are_a_mark_and_no_candidate():
    pairs = [Pair(1, 0.9, 0.5), Pair(2, 0.8, 0.7), Pair(3, 0.1, 0.9), Pair(4, 0.7, None)]
    found = correlation_of(pairs, 10, Pair(0, 0.5, 0.6))
    assert (found.above, found.stay_above) == (2, 1), 'a failed training is in no number'
    assert found.tau == correlation_of(pairs, 10).tau
    failed = correlation_of(pairs, 10, Pair(0, 0.5, None))
    assert (failed.above, failed.stay_above) == (None, None) and failed.hand_made.trial == 0


def test_the_interval_narrows_with_candidates_and_holds_tau():
    rng = random.Random(1)
    widths = []
    for count in (8, 80):
        pairs = [Pair(i, i / count, i / count + rng.gauss(0, 0.3)) for i in range(count)]
        found = correlation_of(pairs, 10, draws=300)
        low, high = found.tau_range
        assert low <= found.tau <= high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def history(scores: list[float | None]) -> History:
    made = History()
    for number, score in enumerate(scores):
        made.add(Trial(number, Role.SEARCH, 0, GENOME))
        outcome = Outcome(State.FAILED, reason='x') if score is None else Outcome(State.COMPLETE, score)
        made.settle(number, outcome)
    return made


def test_candidates_lie_evenly_over_the_ranks():
    chosen = choose_spread(history([i / 10 for i in range(11)]), 3)
    assert [trial.number for trial in chosen] == [10, 5, 0]
    assert [trial.number for trial in choose_spread(history([0.1, None, 0.3]), 9)] == [2, 0]


def test_equal_losses_count_once():
    made = history([0.1, 0.2])
    made.add(Trial(2, Role.SEARCH, 0, GENOME))
    made.settle(2, Outcome(State.EQUIVALENT, 0.2, reason='trial 1'))
    assert [trial.number for trial in choose_spread(made, 9)] == [1, 0]
