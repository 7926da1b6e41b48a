"""The funnel over lengths: who is trained longer, who falls, and that all of it is a function of the history."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from mmautoloss.errors import SetupError
from mmautoloss.execute import Limits
from mmautoloss.search import Budget, Funnel, FunnelStage, best_losses, funnel_rounds, survivors, trainings_left
from mmautoloss.search.settings import SearchSettings
from mmautoloss.trial import History, Outcome, Role, State, Trial, read_history
from tests.test_search.conftest import FAILED, KNOWN, Search

FUNNEL: dict[str, Any] = {
    'stages': [{'times': 3, 'keep': 4}, {'times': 10, 'keep': 2, 'seeds': 3}],
    'rivals': 1,
}
BUDGET = Budget(funnel=FUNNEL)

# Trials 0 and 1 are the hand-made losses, 2 is a known one, 3 to 8 are found; scores at the lengths 1, 3 and 10.
SCORES = {
    0: (0.50, 0.60, 0.70),
    2: (0.40, 0.65, 0.60),
    3: (0.90, 0.62, 0.99),  # the best when short, below the known one at 3x
    4: (0.80, 0.70, 0.80),  # second when short, and the best when long
    5: (0.70, 0.75, 0.65),  # the best at 3x, and below the hand-made ones at 10x
    6: (0.60, 0.66, 0.90),  # third at 3x, where two are kept
    7: (0.55, 0.99, 0.99),  # fifth when short, where four are kept
    8: (0.10, 0.99, 0.99),
}


def score(trial: Trial) -> Outcome:
    """By loss and length; the second and third seed are a little better, alike for all."""
    number = trial.number if trial.repeats is None else trial.repeats
    place = {1: 0, 3: 1, 10: 2}[trial.times]
    return Outcome(State.COMPLETE, SCORES[number][place] + 0.001 * (trial.seed - 3))


def funnelled(search: Search, outcome: Callable[[Trial], Outcome] = score, **options: Any) -> Search:
    search.run(outcome, **{'max_trials': 7, 'funnel': FUNNEL, **options})
    return search


def trainings(history: History, times: float) -> list[tuple[int, int]]:
    """Loss and seed of each longer training."""
    trials = [trial for trial in history.of_role(Role.LONGER) if trial.times == times]
    return [(trial.repeats, trial.seed) for trial in trials]


def test_best_when_short_falls_and_best_when_long_wins(search: Search) -> None:
    history = funnelled(search).history
    assert [trial.number for trial in history.best_found(1)] == [3]
    assert [trial.number for trial in survivors(history, BUDGET)] == [4]
    assert [trial.number for trial in best_losses(history, BUDGET.funnel, 3)] == [4, 3, 5]
    assert history.winner().number == 3, 'longer trainings are no part of the search itself'
    assert history.scores_of(4) == [pytest.approx(0.8)] and history.baseline_scores() == pytest.approx([0.5, 0.501])


def test_all_of_a_stage_have_its_length_and_its_seeds(search: Search) -> None:
    history = funnelled(search).history
    assert trainings(history, 3) == [(loss, 3) for loss in (0, 2, 3, 4, 5, 6)]
    assert trainings(history, 10) == [(loss, seed) for seed in (3, 4, 5) for loss in (0, 2, 5, 4)]
    for trial in history.of_role(Role.LONGER):
        first = history[trial.repeats]
        assert (trial.genome, trial.weights, trial.fingerprint) == (first.genome, first.weights, first.fingerprint)
    assert history.of_role(Role.FINALIST) == [], 'the seeds of the funnel choose'


def test_known_losses_beside_are_the_best_at_the_length_before(make_search: Callable[..., Search]) -> None:
    search = make_search(known=(KNOWN,) * 3)
    search.screen.fingerprint = lambda verdict, digits: ''
    short, longer = {2: 0.2, 3: 0.3, 4: 0.1}, {2: 0.4, 3: 0.35}

    def outcome(trial: Trial) -> Outcome:
        number = trial.number if trial.repeats is None else trial.repeats
        return Outcome(State.COMPLETE, (short if trial.times == 1 else longer).get(number, 0.3 + number / 20))

    stages = [FunnelStage(3, 1), FunnelStage(10, 1)]
    search.run(outcome, max_trials=5, funnel={'stages': stages, 'rivals': 2})
    assert trainings(search.history, 3)[:3] == [(0, 3), (3, 3), (2, 3)]
    assert trainings(search.history, 10)[:3] == [(0, 3), (2, 3), (3, 3)], 'the better one at 3x first'
    resumed = search.run(outcome, max_trials=5, funnel={'stages': stages, 'rivals': 1}, resume=True)
    assert resumed == [], 'what it needs is there'


def test_equal_to_the_best_beside_is_not_better(search: Search) -> None:
    def outcome(trial: Trial) -> Outcome:
        return Outcome(State.COMPLETE, 0.5) if trial.times > 1 else score(trial)

    history = funnelled(search, outcome).history
    assert survivors(history, BUDGET) == [] and trainings(history, 10) == []


def test_where_none_holds_the_funnel_ends(search: Search) -> None:
    def outcome(trial: Trial) -> Outcome:
        return Outcome(State.COMPLETE, 1.0 if trial.repeats == 0 else 0.5) if trial.times > 1 else score(trial)

    history = funnelled(search, outcome).history
    (only,) = funnel_rounds(history, BUDGET.funnel)
    assert (only.number, only.of, only.is_last, only.held) == (1, 2, True, [])
    assert [trial.number for trial in best_losses(history, BUDGET.funnel, 2)] == [3, 4], 'those of the search'
    assert search.run(outcome, max_trials=7, funnel=FUNNEL, resume=True) == []


def test_loss_with_a_failed_seed_falls(search: Search) -> None:
    def outcome(trial: Trial) -> Outcome:
        return FAILED if (trial.repeats, trial.times, trial.seed) == (4, 10, 5) else score(trial)

    history = funnelled(search, outcome).history
    assert survivors(history, BUDGET) == [] and trainings(history, 10).count((4, 5)) == 1, 'and it is not repeated'


def test_failed_rival_is_no_bar(search: Search) -> None:
    """Of a rival with some failed seeds the others count; with all of them failed, the next best is the bar."""

    def outcome(trial: Trial) -> Outcome:
        return FAILED if trial.repeats in (0, 2) and trial.times == 10 and trial.seed < 5 else score(trial)

    last = funnel_rounds(funnelled(search, outcome).history, BUDGET.funnel)[-1]
    assert last.best_rival.first.number == 0 and len(last.best_rival.scores) == 1
    assert [each.first.number for each in last.held] == [4]


def test_without_found_losses_there_is_no_funnel(make_search: Callable[..., Search]) -> None:
    search = make_search(known=())
    search.run(max_trials=0, funnel=FUNNEL)
    assert search.history.of_role(Role.LONGER) == [] and funnel_rounds(search.history, BUDGET.funnel) == []


@pytest.mark.parametrize('slots', [2, 5, 30])
def test_stages_follow_each_other_with_any_number_of_slots(search: Search, slots: int, tmp_path: Path) -> None:
    alone = funnelled(Search(tmp_path / 'alone')).history
    rng = random.Random(slots)

    def outcome(trial: Trial) -> Outcome:  # trials of the search settle in other orders, and are other losses
        return score(trial) if trial.role is not Role.SEARCH else Outcome(State.COMPLETE, SCORES[trial.number][0])

    search.run(outcome, lambda trial: rng.uniform(1, 9), slots, max_trials=7, funnel=FUNNEL)
    for times in (3, 10):
        assert sorted(trainings(search.history, times)) == sorted(trainings(alone, times))
    longer = {trial.number: trial.times for trial in search.history.of_role(Role.LONGER)}
    first_of_10x = search.recorder.events.index(f'+{min(n for n, times in longer.items() if times == 10)} longer')
    for event in search.recorder.events[first_of_10x:]:
        assert event[0] != '-' or longer[int(event[1:].split()[0])] == 10, 'all of 3x have settled before'
    first_of_3x = search.recorder.events.index(f'+{min(longer)} longer')
    assert not [event for event in search.recorder.events[first_of_3x:] if event.endswith((' search', ' known'))]


@pytest.mark.parametrize('slots', [1, 3])
def test_killed_after_any_event_it_goes_on_as_if_not(tmp_path: Path, slots: int) -> None:
    whole = funnelled(Search(tmp_path / 'whole'), slots=slots, duration=lambda trial: 1.0 + trial.number % 3)
    lines = whole.path.read_bytes().splitlines(keepends=True)
    expected = {(trial.repeats, trial.times, trial.seed, trial.score) for trial in whole.history}
    for count in range(2, len(lines)):
        broken = Search(tmp_path / str(count))
        broken.path.parent.mkdir()
        broken.path.write_bytes(b''.join(lines[:count]))
        funnelled(broken, slots=slots, resume=True)
        assert {(t.repeats, t.times, t.seed, t.score) for t in broken.history} == expected
        assert [t.number for t in survivors(broken.history, BUDGET)] == [4]


def test_funnel_can_be_added_changed_and_taken_away(search: Search) -> None:
    search.run(score, max_trials=7)
    assert len(search.history.of_role(Role.FINALIST)) == 4
    funnelled(search, resume=True)
    assert [trial.number for trial in survivors(search.history, BUDGET)] == [4]
    count = len(search.history)
    more = {**FUNNEL, 'stages': [FUNNEL['stages'][0], {'times': 10, 'keep': 3, 'seeds': 3}]}
    funnelled(search, resume=True, funnel=more)
    assert len(search.history) == count + 3 and sorted(set(trainings(search.history, 10)[-3:])) == [
        (6, seed) for seed in (3, 4, 5)
    ]
    assert [trial.number for trial in survivors(search.history, Budget(funnel=more))] == [6, 4]
    fewer = {**FUNNEL, 'stages': [FUNNEL['stages'][0], {'times': 10, 'keep': 2}]}
    funnelled(search, resume=True, funnel=fewer)
    assert funnel_rounds(search.history, Budget(funnel=fewer).funnel)[-1].is_last, 'the first seed alone counts'
    funnelled(search, resume=True, funnel=None)
    assert len(search.history) == count + 3


def test_limit_of_a_trial_grows_with_its_length(search: Search) -> None:
    """Trainings of n times the length take n times as long; a limit of three hand-made ones would end those of 10x."""
    funnelled(search, duration=lambda trial: 100.0 * trial.times, limits=Limits(time_factor=3.0))
    assert {trial.state for trial in search.history} == {State.COMPLETE}
    slow = {(4, 10): 4.0}
    funnelled(
        Search(search.path.parent / 'slow'),
        duration=lambda trial: 100.0 * trial.times * slow.get((trial.repeats, trial.times), 1.0),
        limits=Limits(time_factor=3.0),
    )
    journal = read_history(search.path.parent / 'slow' / 'journal.jsonl')[1]
    failed = [trial for trial in journal if trial.state is State.FAILED]
    assert [(trial.repeats, trial.times) for trial in failed] == [(4, 10)] * 3
    assert all('time limit: more than 3000' in trial.required_outcome.reason for trial in failed)


def test_left_is_at_least_what_comes(search: Search, tmp_path: Path) -> None:
    funnelled(search)
    lines = search.path.read_bytes().splitlines(keepends=True)
    settled = [sum(b'"settled"' in line for line in lines[:n]) for n in range(len(lines) + 1)]
    part = tmp_path / 'part.jsonl'
    for count in range(2, len(lines) + 1):
        part.write_bytes(b''.join(lines[:count]))
        history = read_history(part)[1]
        over = settled[count] >= 9
        left = trainings_left(history, BUDGET.funnel, 1, over)
        comes = settled[-1] - settled[count] - (0 if over else 9 - settled[count])
        assert sum(left.values()) >= comes, (count, left)
        if count == len(lines) or settled[count] == settled[-1]:
            assert set(left.values()) == {0}
    assert trainings_left(History(), BUDGET.funnel, 1, search_over=False) == {3: 6, 10: 12}


def test_settings_are_plain_values_in_the_journal(search: Search) -> None:
    funnelled(search)
    started = next(json.loads(line) for line in search.path.open() if '"started"' in line)
    assert Budget(**started['budget']) == Budget(**{**started['budget'], 'funnel': FUNNEL})
    assert Budget(**started['budget']).funnel == Funnel((FunnelStage(3, 4), FunnelStage(10, 2, 3)), 1)
    del started['budget']['funnel']
    assert Budget(**started['budget']).funnel is None, 'as in a journal of before'


def test_empty_funnel_is_the_default_one() -> None:
    assert Budget(funnel={}).funnel == Funnel() == Funnel((FunnelStage(3, 8), FunnelStage(10, 3, 3)), 2)
    assert asdict(Budget())['funnel'] is None


@pytest.mark.parametrize(
    ('value', 'text'),
    [
        (True, 'budget.funnel must be a dict with stages, rivals, but got True'),
        ('default', "must be a dict with stages, rivals, but got 'default'"),
        ({'stage': []}, 'has no setting stage; there are stages, rivals'),
        ({'stages': []}, r'at least one stage, each longer than the one before, but got times \[\]'),
        ({'stages': 'all'}, 'stages must be a list such as'),
        ({'stages': [3]}, 'must be a dict with times, keep, seeds, but got 3'),
        ({'stages': [{'times': 3}]}, "needs keep, but got {'times': 3}"),
        ({'stages': [{'times': 3, 'keep': 1, 'seed': 1}]}, 'has no setting seed'),
        ({'stages': [{'times': 1, 'keep': 1}]}, 'times must be above 1, but got 1'),
        ({'stages': [{'times': float('nan'), 'keep': 1}]}, 'times must be a finite number'),
        ({'stages': [{'times': '3', 'keep': 1}]}, "times must be a number, but got '3'"),
        ({'stages': [{'times': 3, 'keep': 0}]}, 'keep must be at least 1, but got 0'),
        ({'stages': [{'times': 3, 'keep': 2.5}]}, 'keep must be a whole number, but got 2.5'),
        ({'stages': [{'times': 3, 'keep': 1, 'seeds': 0}]}, 'seeds must be at least 1, but got 0'),
        ({'stages': [{'times': 3, 'keep': 1}] * 2}, r'longer than the one before, but got times \[3, 3\]'),
        ({'rivals': -1}, 'rivals must not be negative, but got -1'),
    ],
)
def test_bad_setting_is_one_clear_error(value: Any, text: str) -> None:
    with pytest.raises(SetupError, match=text):
        Budget(funnel=value)


def test_seeds_of_a_stage_must_exist() -> None:
    with pytest.raises(SetupError, match='seed must be at most'):
        SearchSettings(seed=2**32 - 4, budget=Budget(funnel={'stages': [{'times': 2, 'keep': 1, 'seeds': 9}]}))
