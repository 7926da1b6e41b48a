"""In which order trials begin and settle, for one slot and for three."""

from __future__ import annotations

import pytest

from mmautoloss.testing.virtual_executor import VirtualExecutor
from mmautoloss.trial import Outcome, State, Trial
from tests.test_search.conftest import Search, score_by_number

ONE_SLOT = """
+0 baseline  -0 complete  +1 baseline  -1 complete  +2 known     -2 complete
+3 search    -3 complete  +4 search    -4 complete
+5 finalist  -5 complete  +6 finalist  -6 complete  +7 finalist  -7 complete
+8 finalist  -8 complete
"""

# 0 takes 1 s, alone; 1 takes 5 s, 2 takes 2 s, 3 takes 1 s, 4 takes 1 s: done at 6, 3, 2 and 3
THREE_SLOTS = """
+0 baseline  -0 complete  +1 baseline  +2 known     +3 search    -3 complete
+4 search    -2 complete  -4 complete  -1 complete
+5 finalist  +6 finalist  +7 finalist  -5 complete  +8 finalist  -6 complete
-7 complete  -8 complete
"""


def words(table: str) -> list[str]:
    parts = table.split()
    return [f'{first} {second}' for first, second in zip(parts[::2], parts[1::2], strict=True)]


def duration(trial: Trial) -> float:
    return {1: 5.0, 2: 2.0}.get(trial.number, 1.0)


@pytest.mark.parametrize(
    ('slots', 'table'),
    [pytest.param(1, ONE_SLOT, id='one slot'), pytest.param(3, THREE_SLOTS, id='three slots')],
)
def test_order_of_events(search: Search, slots: int, table: str) -> None:
    assert search.run(duration=duration, slots=slots) == words(table)


def test_nothing_runs_beside_the_first_baseline(search: Search) -> None:
    events = search.run(duration=lambda trial: 100.0 if trial.number == 0 else 1.0, slots=8)
    assert events[:2] == ['+0 baseline', '-0 complete']


def test_repeats_wait_for_the_last_candidate(search: Search) -> None:
    """The slowest candidate may turn out to be the best one."""
    slow = 4

    def outcome(trial: Trial) -> Outcome:
        return Outcome(State.COMPLETE, 1.0 if trial.number == slow else 0.5)

    events = search.run(outcome, lambda trial: 50.0 if trial.number == slow else 1.0, slots=3)
    assert events.index(f'-{slow} complete') < events.index('+5 finalist')
    assert search.history[5].repeats == slow


def test_settled_before_counts_what_a_trial_could_know(search: Search) -> None:
    search.run(duration=duration, slots=3)
    assert [trial.settled_before for trial in search.history][:5] == [0, 1, 1, 1, 2]


def test_seeds_and_repeats_of_each_stage(search: Search) -> None:
    search.run()
    rows = [(trial.role.value, trial.seed, trial.repeats) for trial in search.history]
    best = [trial.number for trial in search.history.best_found(2)]
    assert rows == [
        ('baseline', 3, None),
        ('baseline', 4, 0),
        ('known', 3, None),
        ('search', 3, None),
        ('search', 3, None),
        *[('finalist', 3 + seed, number) for seed in (1, 2) for number in best],
    ]


def test_virtual_clock(search: Search) -> None:
    executor = VirtualExecutor(score_by_number, duration, slots=2)
    search.run(duration=duration)
    trials = list(search.history)[1:3]
    futures = {executor.submit(trial): trial.number for trial in trials}
    with pytest.raises(RuntimeError, match='All 2 slots are busy'):
        executor.submit(trials[0])
    assert [futures[future] for future in executor.wait(futures)] == [2] and executor.now == 2.0
