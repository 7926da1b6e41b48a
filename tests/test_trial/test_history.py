"""What a history answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmautoloss.trial import History, Outcome, Role, State, Trial
from tests.test_trial.conftest import complete

FAILED = Outcome(State.FAILED, reason='x')
SAME = Outcome(State.EQUIVALENT, 0.4, reason='trial 2')


@pytest.fixture
def history(make_trial: Callable[..., Trial]) -> History:
    """Nine trials of all roles and states; 8 still runs, and 4 settled before 3."""
    history = History()
    rows = [
        make_trial(0, Role.BASELINE, fingerprint='base'),
        make_trial(1, Role.BASELINE, seed=1, repeats=0),
        make_trial(2, Role.KNOWN, fingerprint='a', funnel={'accepted': 1}),
        make_trial(3, fingerprint='b', funnel={'accepted': 1, 'low gain': 3}),
        make_trial(4, fingerprint='c'),
        make_trial(5, fingerprint='a'),
        make_trial(6, fingerprint='d'),
        make_trial(7, Role.FINALIST, repeats=4, seed=1),
        make_trial(8, fingerprint=''),
    ]
    for trial in rows:
        history.add(trial)
    outcomes = {0: 0.5, 1: 0.6, 2: 0.4, 4: 0.7, 3: 0.8}
    for number, score in outcomes.items():
        history.settle(number, complete(score))
    history.settle(5, SAME)
    history.settle(6, FAILED)
    history.settle(7, complete(0.2))
    return history


def numbers(trials: list[Trial]) -> list[int]:
    return [trial.number for trial in trials]


def test_winner_is_the_best_of_those_that_were_repeated(make_trial: Callable[..., Trial]) -> None:
    history = History()
    assert history.winner() is None
    plan = [(Role.SEARCH, None, 0.9), (Role.SEARCH, None, 0.8), (Role.SEARCH, None, 0.7)]
    repeats = [(Role.FINALIST, 0, 0.1), (Role.FINALIST, 1, 0.6)]
    for number, (role, repeated, score) in enumerate([*plan, *repeats]):
        if number == len(plan):
            assert history.winner().number == 0, 'by the only score that there is'
        history.add(make_trial(number, role, repeats=repeated))
        history.settle(number, Outcome(State.COMPLETE, score))
    assert history.winner().number == 1, 'the first was luck, and the third had no second seed'


def test_trials_keep_their_number(history: History, make_trial: Callable[..., Trial]) -> None:
    assert numbers(list(history)) == list(range(9)) and len(history) == 9
    with pytest.raises(ValueError, match='Trial 9 is next, but got 11'):
        history.add(make_trial(11))


@pytest.mark.parametrize('number', [pytest.param(3, id='settled'), pytest.param(42, id='unknown')])
def test_only_a_running_trial_settles(history: History, number: int) -> None:
    with pytest.raises(ValueError, match=f'Trial {number} is not running'):
        history.settle(number, FAILED)


def test_order_of_settlement(history: History) -> None:
    assert numbers(history.settled()) == [0, 1, 2, 4, 3, 5, 6, 7]
    assert numbers(history.running()) == [8]


def test_population_is_scored_candidates_oldest_settled_first(history: History) -> None:
    assert numbers(history.population()) == [2, 4, 3, 5]


def test_equivalents_do_not_count_as_proxies(history: History) -> None:
    assert numbers(history.of_role(Role.KNOWN, Role.SEARCH)) == [2, 3, 4, 5, 6, 8]
    assert history.n_proxies() == 5, 'failed and running ones do'


def test_scores(history: History) -> None:
    assert history.baseline_scores() == [0.5, 0.6]
    assert history.scores_of(4) == [0.7, 0.2], 'with its repeat'
    assert history.scores_of(6) == []


@pytest.mark.parametrize(
    ('fingerprint', 'number'),
    [
        pytest.param('a', 2, id='the trained one, not its equivalent'),
        pytest.param('base', 0, id='hand-made'),
        pytest.param('d', None, id='failed'),
        pytest.param('', None, id='not taken'),
        pytest.param('z', None, id='unknown'),
    ],
)
def test_same_loss(history: History, fingerprint: str, number: int | None) -> None:
    twin = history.same_loss(fingerprint)
    assert (twin and twin.number) == number


def test_ranking_is_by_seeds_and_mean(history: History) -> None:
    assert numbers(history.best_found(1)) == [3]
    assert numbers(history.best_found(9)) == [3, 4], 'searched, trained and scored'
    history.settle(8, complete(0.75))
    assert numbers(history.best_found(3)) == [3, 8, 4]
    assert numbers(history.ranking(3)) == [4, 3, 8], 'who was trained again comes before single scores'
    assert numbers(history.ranking(2)) == [3, 8]


def test_funnel_sums_over_trials(history: History) -> None:
    assert dict(history.funnel()) == {'accepted': 2, 'low gain': 3}
