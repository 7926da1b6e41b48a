"""Searches with fresh seeds after a funnel, with and without trunks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmautoloss.engine.reproduction import replay
from mmautoloss.report.lengths import lengths_of
from mmautoloss.report.verdict import Verdict, verdict_of
from mmautoloss.search import (
    Budget,
    Planner,
    SearchSettings,
    best_losses,
    confirmations_left,
    read_funnel,
    trunks_left,
)
from mmautoloss.trial import History, Outcome, Role, Saved, Scale, State, Trial, read_events
from tests.test_search.conftest import FAILED, KNOWN, Search

FUNNEL: dict[str, Any] = {'stages': [{'times': 3, 'keep': 3}, {'times': 10, 'keep': 2, 'seeds': 2}], 'rivals': 1}
AMOUNT: dict[str, Any] = {'max_trials': 5, 'funnel': FUNNEL, 'confirm_seeds': 5}
BUDGET = Budget(**AMOUNT)
FRESH = [1003, 1004, 1005, 1006, 1007]

# Trials without trunks: 0 and 1 are the hand-made losses, 2 is a known one, 3 to 6 are found; at the lengths 1, 3 and 10.
SCORES = [
    (0.50, 0.60, 0.70),
    (0.50, 0.60, 0.70),
    (0.40, 0.65, 0.75),
    (0.90, 0.70, 0.60),  # the best when short
    (0.80, 0.70, 0.80),  # the best when long
    (0.70, 0.10, 0.10),
    (0.60, 0.10, 0.10),
]


def score(trial: Trial) -> Outcome:
    """By the place of the loss among those of the search and by length; a seed is as good for all."""
    first = trial.number if trial.repeats is None else trial.repeats
    noise = 0.001 * (trial.seed % 7) + 0.0001 * ((trial.seed + first) % 3)
    return Outcome(State.COMPLETE, SCORES[first][{1: 0, 3: 1, 10: 2}[trial.times]] + noise)


def fresh(history: History) -> list[tuple[int, int, float]]:
    return [(trial.seed, trial.repeats, trial.times) for trial in history.of_role(Role.CONFIRM)]


def verdict(history: History, **budget: Any) -> Verdict:
    budget = {**AMOUNT, **budget}
    ranking = best_losses(history, read_funnel(budget['funnel']), 3)
    return verdict_of(history, ranking, lengths_of(history, budget, Scale('score', True)))


@pytest.mark.parametrize('slots', [1, 2, 7])
def test_what_holds_is_confirmed_at_the_greatest_length(tmp_path: Path, slots: int) -> None:
    search = Search(tmp_path)
    search.run(score, lambda trial: 1.0 + trial.number % 3, slots, **AMOUNT)
    history = search.history
    short, long = history.best_found(1)[0].number, history.winner().number
    assert (short, long) == (3, 4) and [trial.number for trial in history.ranking(2)] == [4, 3]
    assert sorted(fresh(history)) == [(seed, number, 10) for seed in FRESH for number in (0, 2, 4)]
    others = {trial.seed for trial in history if trial.role is not Role.CONFIRM}
    assert not others & set(FRESH) and not history.of_role(Role.FINALIST)
    found = verdict(history)
    assert found.word == found.over_rival == 'better' and 'in trainings 10 times as long' in found.text
    assert found.gain == pytest.approx(0.1, abs=0.001)


def test_nothing_is_confirmed_where_all_fall(tmp_path: Path) -> None:
    search = Search(tmp_path)
    search.run(lambda trial: score(trial) if trial.repeats != 4 or trial.times < 10 else FAILED, **AMOUNT)
    assert fresh(search.history) == [] and confirmations_left(search.history, BUDGET, search_over=True) == 0
    assert verdict(search.history).word == 'nothing'
    assert verdict(search.history).text.startswith('No found loss holds at 10x: trial 2 ')


def test_a_search_that_went_on_to_a_funnel_is_confirmed_anew(tmp_path: Path) -> None:
    search = Search(tmp_path)
    search.run(score, **{**AMOUNT, 'funnel': None})
    assert {times for _, _, times in fresh(search.history)} == {1} and search.history.winner().number == 3
    search.run(score, resume=True, **{**AMOUNT, 'confirm_seeds': 0})
    assert verdict(search.history).word == 'unconfirmed', 'what is confirmed is another loss at another length'
    search.run(score, resume=True, **AMOUNT)
    assert search.history.winner().number == 4 and verdict(search.history).word == 'better'
    assert sorted(fresh(search.history)[15:]) == [(seed, number, 10) for seed in FRESH for number in (0, 2, 4)]
    assert search.run(score, resume=True, **AMOUNT) == []


class TrunkSearch(Search):
    """A search without models in which trunks are trained."""

    def planner(self, **budget: Any) -> Planner:
        planner = super().planner(**budget)
        planner.settings = replace(planner.settings, trunk=True)
        return planner


def score_after_trunk(trial: Trial) -> Outcome:
    """The hand-made and the known losses are worst, the found ones better the larger they are."""
    if trial.role is Role.TRUNK:
        saved = Saved(f'seed_{trial.seed}_{trial.times:g}x.pth', 90, '0' * 64)
        return Outcome(State.COMPLETE, 0.5, saved=saved)
    hand = 0.5 if trial.genome is None else 0.55
    found = trial.genome not in (None, KNOWN)
    base = 0.6 + sum(tree.size for tree in trial.required_genome.values()) / 1000 if found else hand
    return Outcome(State.COMPLETE, base + 0.001 * (trial.seed % 7))


@pytest.mark.parametrize('funnel', [None, FUNNEL], ids=['finalists', 'funnel'])
@pytest.mark.parametrize('slots', [1, 2, 7])
def test_each_fresh_seed_has_a_trunk_of_its_own(tmp_path: Path, slots: int, funnel: dict | None) -> None:
    search = TrunkSearch(tmp_path)
    amount = {**AMOUNT, 'funnel': funnel}
    search.run(score_after_trunk, lambda trial: 9.0 if trial.role is Role.TRUNK else 1.0, slots, **amount)
    history, times = search.history, 10 if funnel else 1
    trunks = {(trial.seed, trial.times): trial.number for trial in history.of_role(Role.TRUNK)}
    assert len(trunks) == len(history.of_role(Role.TRUNK)), 'none is trained twice'
    assert {seed for seed, length in trunks if length == times} >= set(FRESH)
    assert len(fresh(history)) == 15 and {length for _, _, length in fresh(history)} == {times}
    for trial in history:
        if trial.role is not Role.TRUNK:
            assert trial.begin.name == f'seed_{trial.seed}_{trial.times:g}x.pth'
            assert trunks[trial.seed, trial.times] < trial.number
    none_left = {'finalist': 0, 'confirmation': 0}
    assert not any(trunks_left(history, Budget(**{**amount, 'baseline_repeats': 1}), none_left, {}).values())


def test_trunks_to_come_are_those_of_all_seeds_and_lengths(tmp_path: Path) -> None:
    left = {'finalist': 0, 'confirmation': 15}
    assert trunks_left(History(), BUDGET, left, {3: 5, 10: 8}) == {1: 3, 3: 1, 10: 2 + 5}
    assert trunks_left(History(), BUDGET, {'finalist': 0, 'confirmation': 0}, {3: 5, 10: 0}) == {1: 3, 3: 1}
    assert trunks_left(History(), replace(BUDGET, funnel=None), {'finalist': 5, 'confirmation': 15}, {}) == {1: 3 + 5}


@pytest.mark.parametrize('kind', [Search, TrunkSearch])
def test_killed_after_any_event_it_goes_on_as_if_not(tmp_path: Path, kind: type[Search]) -> None:
    whole = kind(tmp_path / 'whole')
    whole.run(score_after_trunk, **AMOUNT)
    lines = whole.path.read_bytes().splitlines(keepends=True)
    expected = list(whole.history)
    for count in range(2, len(lines), 5):
        broken = kind(tmp_path / str(count))
        broken.path.parent.mkdir()
        broken.path.write_bytes(b''.join(lines[:count]))
        broken.run(score_after_trunk, resume=True, **AMOUNT)
        assert list(broken.history) == expected


@pytest.mark.parametrize('kind', [Search, TrunkSearch])
def test_replayed_it_is_the_same(tmp_path: Path, kind: type[Search]) -> None:
    search = kind(tmp_path)
    search.run(score_after_trunk, slots=3, **AMOUNT)
    results = list(replay(read_events(search.path), search.planner()))
    assert len(results) == len(search.history) and not any(result.differences for result in results)


def test_fresh_seeds_are_above_those_of_the_funnel() -> None:
    many = {'stages': [{'times': 3, 'keep': 1, 'seeds': 2000}]}
    assert Budget(funnel=many).fresh_seeds.start > 2000
    assert SearchSettings(budget=BUDGET).budget.fresh_seeds == range(1000, 1005)
