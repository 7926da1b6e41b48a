"""Candidates that are measured with several seeds: asynchronous successive halving over seeds, and paired estimates."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean

import pytest

from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.search import Budget, Planner, Stop, seeds_left, trunks_left
from mmautoloss.strategy import RegularizedEvolution
from mmautoloss.trial import History, Outcome, Role, State, Trial, read_events
from tests.test_search.conftest import BRANCHES, KNOWN, Search, score_by_number

SEEDS = {'baseline_repeats': 2, 'candidate_seeds': 3}
NOT_FINITE = Outcome(State.FAILED, reason='not finite: a loss')


def of_scores(hand_made: Sequence[float], *candidates: Sequence[float | None], role: Role = Role.SEARCH) -> History:
    """Candidates with these scores by seed, from 3 on; first each with the first seed; None fails by itself."""
    history = History()
    for offset, score in enumerate(hand_made):
        add(history, Trial(len(history), Role.BASELINE, 3 + offset, repeats=0 if offset else None), score)
    first = len(history)
    for scores in candidates:
        add(history, Trial(len(history), role, 3, KNOWN), scores[0])
    for place, scores in enumerate(candidates):
        for offset, score in enumerate(scores[1:], start=1):
            add(history, Trial(len(history), Role.SEARCH, 3 + offset, KNOWN, repeats=first + place), score)
    return history


def add(history: History, trial: Trial, score: float | None) -> None:
    history.add(trial)
    history.settle(trial.number, NOT_FINITE if score is None else Outcome(State.COMPLETE, score))


def numbers(trials: Sequence[Trial]) -> list[int]:
    return [trial.number for trial in trials]


def test_scores_of_other_seeds_count_against_the_hand_made_losses_with_them() -> None:
    history = of_scores([0.5, 0.7, 0.4], [0.6], [0.55, 0.81], [0.5, 0.7, 0.43])
    assert history.estimate(3) == 0.6, 'a single score itself'
    assert history.estimate(4) == pytest.approx(0.5 + (0.05 + 0.11) / 2)
    assert history.estimate(5) == pytest.approx(0.5 + (0.0 + 0.0 + 0.03) / 3)
    assert numbers(history.best_found(3)) == [3, 4, 5], 'though 4 has the best mean'
    assert fmean(history.scores_of(4)) > 0.6


def test_a_seed_without_hand_made_losses_counts_against_their_mean() -> None:
    history = of_scores([0.5, 0.7], [0.6, 0.8, 0.9])
    assert history.estimate(2) == pytest.approx(0.5 + (0.1 + 0.1 + (0.9 - 0.6)) / 3)
    assert of_scores([], [0.6, 0.8]).estimate(0) == pytest.approx(0.7), 'without any, the mean'


def test_an_estimate_follows_a_hand_made_score_that_comes_later() -> None:
    history = of_scores([0.5], [0.6, 0.9], [0.62])
    assert numbers(history.best_found(2)) == [1, 2], 'against the first seed'
    add(history, Trial(len(history), Role.BASELINE, 4, repeats=0), 0.85)
    assert history.estimate(1) == pytest.approx(0.575)
    assert numbers(history.best_found(2)) == [2, 1], 'the second seed is easy for all'


def test_the_same_loss_has_the_estimate_of_its_twin() -> None:
    history = of_scores([0.5, 0.5], [0.6, 0.7])
    history.add(Trial(len(history), Role.SEARCH, 3, KNOWN))
    history.settle(len(history) - 1, Outcome(State.EQUIVALENT, 0.6, reason='trial 2'))
    assert history.estimate(len(history) - 1) == history.estimate(2) == pytest.approx(0.65)


def test_the_better_half_goes_on() -> None:
    assert of_scores([0.5], [0.6]).estimates.due(3) is None, 'half of one is none'
    history = of_scores([0.5] * 3, [0.1], [0.4], [0.3], [0.2], [0.0])
    assert history.estimates.due(1) is None and history.estimates.due(3) == 4
    add(history, Trial(8, Role.SEARCH, 4, KNOWN, repeats=4), 0.0)
    assert history.estimates.due(3) == 5, 'the better half of five are two'
    history.add(Trial(9, Role.SEARCH, 4, KNOWN, repeats=5))
    assert history.estimates.due(3) is None, 'while it is measured, and though 4 has fallen behind others'
    history.settle(9, Outcome(State.COMPLETE, 0.3))
    assert history.estimates.due(2) is None and history.estimates.due(3) == 5, 'of two with two seeds the better'


def test_what_fails_with_another_seed_is_behind_all_others_and_goes_no_further() -> None:
    history = of_scores([0.5] * 3, [0.9, None], [0.1, 0.1], [0.2, 0.2])
    assert numbers(history.best_found(3)) == [5, 4, 3] and history.estimates.due(2) is None
    assert history.estimates.due(3) == 5
    known = of_scores([0.5] * 3, [0.9, None], [0.1], role=Role.KNOWN)
    assert numbers(known.best_known(2)) == [4, 3] and known.best_found(2) == []


def run(search: Search, slots: int = 1, **budget: int) -> History:
    search.run(slots=slots, **{**SEEDS, 'max_trials': 28, **budget})
    return search.history


@pytest.mark.parametrize('slots', [1, 3])
def test_candidates_have_the_seeds_of_the_hand_made_losses_one_after_the_other(search: Search, slots: int) -> None:
    history = run(search, slots)
    firsts = [trial for trial in history.of_role(Role.KNOWN, Role.SEARCH) if not trial.measures_again]
    seeds = {first.number: [trial.seed for trial in history.estimates.runs(first.number)] for first in firsts}
    assert all(each == [3, 4, 5][: len(each)] for each in seeds.values())
    counts = [sum(len(each) > level for each in seeds.values()) for level in range(3)]
    assert counts[0] == history.n_candidates() and counts[0] // 2 <= counts[1] < counts[0]
    assert counts[1] // 2 <= counts[2] < counts[1], 'the better half by the time, and the best at the end'
    again = [trial for trial in history if trial.measures_again]
    assert len(again) == counts[1] + counts[2] and {trial.origin for trial in again} == {'measure'}
    assert {trial.bar for trial in again} == {None}, 'none is stopped at a rung'


@pytest.mark.parametrize('slots', [1, 3])
def test_in_the_end_the_best_have_all_seeds_and_finalists_the_same_further_ones(search: Search, slots: int) -> None:
    history = run(search, slots, finalists=3, confirm_seeds=5)
    for trial in [*history.best_found(3), *history.best_known(2)]:
        assert len(history.estimates.runs(trial.number)) == 3
    finalists = {trial.repeats: [] for trial in history.of_role(Role.FINALIST)}
    for trial in history.of_role(Role.FINALIST):
        finalists[trial.repeats].append(trial.seed)
    assert set(finalists) == set(numbers(history.best_found(3)))
    assert all(seeds == [6, 7, 8, 9][: len(seeds)] for seeds in finalists.values())


def test_a_lucky_score_after_the_last_promotion_does_not_win(tmp_path: Path) -> None:
    budget = {**SEEDS, 'max_trials': 8, 'finalists': 1, 'finalist_repeats': 0}
    usual, search = Search(tmp_path / 'usual'), Search(tmp_path / 'lucky')
    last = max(t.number for t in run(usual, **budget).of_role(Role.SEARCH) if not t.measures_again)

    def outcome(trial: Trial) -> Outcome:
        return Outcome(State.COMPLETE, 9.0) if trial.number == last else score_by_number(trial)

    search.run(outcome, **budget)
    history = search.history
    assert history[last].score == 9.0 and not history[last].measures_again
    again = [trial.repeats for trial in history if trial.number > last]
    assert again[:2] == [last, last] and history.n_proxies() > 8, 'it was measured with two more seeds'
    add(history, Trial(len(history), Role.SEARCH, 3, KNOWN), 5.0)
    third = search.planner(**budget).next(history, 0.0)
    assert (third.repeats, third.seed) == (history[len(history) - 1].number, 4), 'what takes its place catches up, too'


def prefixes(path: Path) -> list[tuple[History, Trial]]:
    """Each proposal of a journal with the history before it."""
    events, found = list(read_events(path)), []
    for count, event in enumerate(events):
        if event['event'] == 'proposed':
            history = History()
            for earlier in events[:count]:
                replayed(history, earlier)
            found.append((history, Trial.from_json(trial_of(event))))
    return found


def trial_of(event: dict) -> dict:
    return {key: value for key, value in event.items() if key not in ('event', 'time', 'crc')}


def replayed(history: History, event: dict) -> None:
    if event['event'] == 'proposed':
        history.add(Trial.from_json(trial_of(event)))
    elif event['event'] == 'settled':
        score = event['score']
        state = State(event['state'])
        history.settle(event['number'], Outcome(state, score, reason=event['reason']))


@pytest.mark.parametrize('slots', [1, 3])
def test_each_proposal_is_a_function_of_the_journal(search: Search, slots: int) -> None:
    search.strategy = RegularizedEvolution(BRANCHES, initial=4, copy_rate=0.1, copies='measure')
    budget = {**SEEDS, 'max_trials': 16}
    search.run(slots=slots, **budget)
    proposals = prefixes(search.path)
    assert sum(trial.measures_again for _, trial in proposals) > 4
    for history, trial in proposals:
        assert search.planner(**budget).next(history, 0.0).to_json() == trial.to_json()


def test_a_search_that_is_broken_off_after_any_training_is_the_unbroken_one(tmp_path: Path) -> None:
    whole, parts = (Search(tmp_path / name) for name in ('whole', 'parts'))
    whole.run(**SEEDS, max_trials=12)
    for count in range(len(whole.history) + 1):
        stop = Stop()

        def outcome(trial: Trial, stop: Stop = stop) -> Outcome:
            stop.request()
            return score_by_number(trial)

        parts.run(outcome, **SEEDS, max_trials=12, resume=count > 0, stop=stop)
    assert [trial.to_json() for trial in parts.history] == [trial.to_json() for trial in whole.history]
    assert [trial.score for trial in parts.history] == [trial.score for trial in whole.history]


def test_random_losses_come_first_whatever_is_measured_again(search: Search) -> None:
    search.strategy = RegularizedEvolution(BRANCHES, initial=12, copy_rate=0.0)
    history = run(search)
    bred = [trial for trial in history.of_role(Role.KNOWN, Role.SEARCH) if not trial.measures_again]
    assert [trial.origin for trial in bred[:12]] == ['known', *['random'] * 11]
    assert not any(trial.origin == 'random' for trial in bred[12:]) and len(bred) > 12


def test_parents_are_chosen_by_their_estimates(search: Search) -> None:
    history = of_scores([0.5, 0.5], [0.9, 0.1], [0.7])
    strategy = RegularizedEvolution(BRANCHES, initial=1, tournament=1.0)
    assert strategy.select(strategy.alive(history), random.Random(0), history).number == 3


def test_seeds_of_one_training_make_the_same_search(tmp_path: Path) -> None:
    usual, one = Search(tmp_path / 'usual'), Search(tmp_path / 'one')
    usual.run(max_trials=12, confirm_seeds=5)
    one.run(max_trials=12, confirm_seeds=5, candidate_seeds=1)
    assert [trial.to_json() for trial in usual.history] == [trial.to_json() for trial in one.history]


def test_out_of_time_only_the_best_go_on(search: Search) -> None:
    planner: Planner = search.planner(**SEEDS, max_seconds=10.0, max_trials=99)
    history = of_scores([0.5] * 3, [0.1], [0.2], [0.3], [0.4], [0.05], [0.06])
    history.add(Trial(len(history), Role.KNOWN, 3, KNOWN))
    history.settle(len(history) - 1, Outcome(State.COMPLETE, 0.0))
    early, late = planner.next(history, 0.0), planner.next(history, 11.0)
    assert early == late and (early.repeats, early.seed, early.role) == (6, 4, Role.SEARCH)
    for trial in (6, 5):
        add(history, Trial(len(history), Role.SEARCH, 4, KNOWN, repeats=trial), 0.6)
    assert planner.next(history, 0.0).repeats == 6
    add(history, Trial(len(history), Role.SEARCH, 5, KNOWN, repeats=6), 0.6)
    assert planner.next(history, 0.0).repeats == 4, 'of seven, the third is due'
    assert planner.next(history, 11.0).repeats == 5, 'of the two finalists this one lacks a seed'


def test_what_is_left_is_known() -> None:
    budget = Budget(**SEEDS, finalists=2, finalist_repeats=1, confirm_seeds=0)
    history = of_scores([0.5] * 3, [0.1], [0.2], [0.3, 0.3])
    assert seeds_left(history, budget) == 2 + 1
    assert seeds_left(history, Budget(baseline_repeats=2, finalists=2)) == 0
    left = trunks_left(history, budget, {'finalist': 2, 'confirmation': 0}, {})
    assert left == {1.0: 4}, 'seeds 0 to 2, and 3 of the finalists'


@pytest.mark.parametrize('seeds', [0, 1.5, True, '2', math.nan])
def test_number_of_seeds_must_be_whole(seeds: object) -> None:
    with pytest.raises(SetupError, match='candidate_seeds must be'):
        Budget(candidate_seeds=seeds)


def test_each_seed_needs_the_hand_made_losses() -> None:
    assert Budget(candidate_seeds=3, baseline_repeats=2).candidate_seeds == 3
    with pytest.raises(SetupError, match=r'at most baseline_repeats \+ 1, here 3, but got 4.*Set baseline_repeats=3'):
        Budget(candidate_seeds=4, baseline_repeats=2)


def test_fresh_seeds_are_none_of_the_finalists() -> None:
    budget = Budget(baseline_repeats=600, candidate_seeds=600, finalists=2, finalist_repeats=300)
    assert budget.fresh_seeds.start == 1 + 600 + 599, 'finalists may have the seeds 600 to 1199'
    assert Budget.recorded({'max_trials': 3}).candidate_seeds == 1 and asdict(Budget())['candidate_seeds'] == 1


def test_genome_of_what_is_measured_again(search: Search) -> None:
    for trial in run(search):
        if trial.measures_again:
            first = search.history[trial.repeats]
            assert isinstance(trial.genome, Genome) and trial.genome == first.genome
            assert (trial.weights, trial.parent, trial.fingerprint) == (first.weights, first.number, first.fingerprint)
