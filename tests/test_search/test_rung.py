"""The bar of the rung: a function of the history alone, written down with the proposal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mmautoloss.engine.reproduction import replay
from mmautoloss.errors import SetupError
from mmautoloss.search import Rung
from mmautoloss.search.driver import known_outcome
from mmautoloss.strategy import RegularizedEvolution
from mmautoloss.trial import History, Outcome, Role, State, Trial, read_events
from tests.test_search.conftest import BRANCHES, FAILED, Search, score_by_number

RUNG = Rung(at=0.3, keep=0.5, least=3)


def at_rung(trial: Trial) -> Outcome:
    """As a worker does: the score at the rung is a tenth of that in the end, and who is below the bar is stopped."""
    outcome = score_by_number(trial)
    rung = outcome.score / 10
    if trial.role is Role.FINALIST:
        return outcome
    if trial.bar is not None and rung < trial.bar:
        return Outcome(State.STOPPED, rung=rung)
    return replace(outcome, rung=rung)


@pytest.fixture
def with_rung(make_search: Callable[..., Search]) -> Callable[..., Search]:
    def make(rung: Rung = RUNG, **options) -> Search:
        search = make_search(**options)
        plain = search.planner

        def planner(**budget):
            made = plain(**budget)
            made.settings = replace(made.settings, rung=rung)
            return made

        search.planner = planner
        return search

    return make


@pytest.mark.parametrize(
    ('keep', 'least', 'earlier', 'bar'),
    [
        pytest.param(0.5, 4, [0.1, 0.2, 0.3], None, id='too few'),
        pytest.param(0.5, 4, [0.1, 0.2, 0.3, 0.4], 0.3, id='half'),
        pytest.param(0.75, 4, [0.1, 0.2, 0.3, 0.4], 0.2, id='three quarters'),
        pytest.param(0.25, 1, [0.1, 0.2, 0.3, 0.4], 0.4, id='a quarter'),
        pytest.param(0.99, 1, [0.1, 0.2, 0.3, 0.4], 0.1, id='all'),
        pytest.param(0.5, 1, [0.1, 0.2, 0.3], 0.2, id='one more rather than one less'),
        pytest.param(0.01, 1, [0.7], 0.7, id='one'),
    ],
)
def test_bar(keep: float, least: int, earlier: list[float], bar: float | None) -> None:
    assert Rung(keep=keep, least=least).bar(earlier) == bar
    assert Rung(keep=keep, least=least, watch=True).bar(earlier) is None


@pytest.mark.parametrize(
    ('given', 'error'),
    [
        ({'at': 0}, 'rung.at must be a share .* but got 0'),
        ({'at': 2.5}, 'rung.at must be a share .* but got 2.5'),
        ({'at': float('inf')}, 'rung.at must be a share .* but got inf'),
        ({'at': float('nan')}, 'rung.at must be a share .* but got nan'),
        ({'keep': 1}, 'rung.keep must be a share between 0 and 1, but got 1'),
        ({'least': 0}, 'rung.least must be at least 1, but got 0'),
        ({'least': float('nan')}, 'rung.least must be at least 1, but got nan'),
    ],
)
def test_rung_that_cannot_be(given: dict, error: str) -> None:
    with pytest.raises(SetupError, match=error):
        Rung(**given)


def test_bars_are_those_of_what_had_settled(with_rung: Callable[..., Search]) -> None:
    search = with_rung()
    search.run(at_rung, duration=lambda trial: 1 + trial.number * 7 % 5, slots=3, max_trials=30)
    history = search.history
    stopped = [trial for trial in history if trial.state is State.STOPPED]
    assert len(stopped) > 5
    for trial in history:
        before = history.settled()[: trial.settled_before]
        scores = sorted(
            each.outcome.rung
            for each in before
            if each.role in (Role.KNOWN, Role.SEARCH) and each.outcome.rung is not None and not each.was_spared
        )
        assert trial.bar == (RUNG.bar(scores) if trial.role is Role.SEARCH else None)
        assert (trial.state is State.STOPPED) == (trial.bar is not None and trial.outcome.rung < trial.bar)


def test_stopped_ones_count_as_trained_and_win_nothing(with_rung: Callable[..., Search]) -> None:
    search = with_rung()
    search.strategy = RegularizedEvolution(BRANCHES, initial=4)
    search.run(at_rung, max_trials=25)
    history = search.history
    stopped = {trial.number for trial in history if trial.state is State.STOPPED}
    assert history.n_proxies() == 25
    assert stopped and not stopped & {trial.number for trial in history.population()}
    assert not stopped & {trial.number for trial in history.best_found(99)}
    assert not stopped & {trial.parent for trial in history}
    finalists = history.of_role(Role.FINALIST)
    assert len(finalists) == 4 and all(trial.state is State.COMPLETE for trial in finalists)


def test_resume_and_replay_find_the_same_bars(with_rung: Callable[..., Search]) -> None:
    search = with_rung()
    uneven = {'duration': lambda trial: 1 + trial.number * 7 % 5, 'slots': 3}
    search.run(at_rung, max_trials=30, **uneven)
    whole = [trial.to_json() for trial in search.history]
    lines = search.path.read_bytes().splitlines(keepends=True)
    for cut in range(20, len(lines), 9):
        search.path.write_bytes(b''.join(lines[:cut]))
        search.run(at_rung, resume=True, max_trials=30, slots=1)
        known = [trial.to_json() for trial in search.history][: sum(b'"proposed"' in line for line in lines[:cut])]
        assert known == whole[: len(known)]
        again = replay(read_events(search.path), search.planner(max_trials=30))
        assert [each.number for each in again if each.differences] == []


def test_watching_stops_nothing_and_breeds_as_without(with_rung: Callable[..., Search], tmp_path) -> None:
    plain = Search(tmp_path / 'plain')
    plain.path.parent.mkdir()
    plain.run(max_trials=20)
    watched = with_rung(replace(RUNG, watch=True))
    watched.run(at_rung, max_trials=20)
    assert [trial.to_json() for trial in watched.history] == [trial.to_json() for trial in plain.history]
    assert len(watched.history.rung_scores()) == 20


def test_twin_of_a_stopped_one_is_not_trained_while_the_bar_is_above() -> None:
    history = History()
    history.add(Trial(0, Role.SEARCH, 0, fingerprint='a', bar=0.5))
    history.settle(0, Outcome(State.STOPPED, rung=0.4))
    twin = Trial(1, Role.SEARCH, 0, fingerprint='a', bar=0.41)
    known = known_outcome(twin, history)
    assert (known.state, known.reason, known.rung, known.seconds) == (State.STOPPED, 'trial 0', 0.4, 0.0)
    for other in ({'bar': 0.4}, {'bar': None}, {'fingerprint': ''}, {'role': Role.FINALIST}):
        assert known_outcome(replace(twin, **other), history) is None
    history.add(twin)
    history.settle(1, known)
    assert history.n_proxies() == 1 and history.rung_scores() == [0.4], 'it cost nothing and is no other candidate'


def test_twin_of_one_without_a_score_is_not_trained_either() -> None:
    history = History()
    history.add(Trial(0, Role.SEARCH, 0, fingerprint='a', bar=0.5))
    history.settle(0, Outcome(State.STOPPED, reason='no score at the rung: The validation gave no x'))
    twin = Trial(1, Role.SEARCH, 0, fingerprint='a', bar=-9.0)
    assert known_outcome(twin, history) == Outcome(State.STOPPED, reason='trial 0')
    assert known_outcome(replace(twin, bar=None), history) is None
    history.add(twin)
    history.settle(1, known_outcome(twin, history))
    assert history.n_proxies() == 1 and list(history.rung_scores()) == []


def often_unscored(trial: Trial) -> Outcome:
    """As a worker does, where every third candidate has no score at the rung, nor in the end."""
    if trial.role is not Role.SEARCH or trial.number % 3:
        return at_rung(trial)
    return FAILED if trial.bar is None else Outcome(State.STOPPED, reason='no score at the rung: x')


def test_those_without_a_score_raise_no_bar_and_are_found_again(with_rung: Callable[..., Search]) -> None:
    search = with_rung()
    uneven = {'duration': lambda trial: 1 + trial.number * 7 % 5, 'slots': 3}
    search.run(often_unscored, max_trials=30, **uneven)
    whole = [trial.to_json() for trial in search.history]
    unscored = [trial for trial in search.history if trial.state is State.STOPPED and trial.outcome.rung is None]
    assert len(unscored) > 5 and all(trial.bar is not None for trial in unscored)
    assert search.history.n_proxies() == 30 and not {t.number for t in unscored} & {t.parent for t in search.history}
    lines = search.path.read_bytes().splitlines(keepends=True)
    for cut in range(20, len(lines), 20):
        search.path.write_bytes(b''.join(lines[:cut]))
        search.run(often_unscored, resume=True, max_trials=30, slots=1)
        known = [trial.to_json() for trial in search.history][: sum(b'"proposed"' in line for line in lines[:cut])]
        assert known == whole[: len(known)]
        again = replay(read_events(search.path), search.planner(max_trials=30))
        assert [each.number for each in again if each.differences] == []


def test_stopped_ones_are_no_failures(with_rung: Callable[..., Search]) -> None:
    """Failures alike end a search, but here every second candidate trains as far as the rung."""
    search = with_rung()

    def outcome(trial: Trial) -> Outcome:
        if trial.bar is None:
            return at_rung(trial)
        return FAILED if trial.number % 2 else Outcome(State.STOPPED, rung=trial.bar - 1)

    search.run(outcome, max_trials=20, max_failures=2)
    states = [trial.state for trial in search.history.of_role(Role.SEARCH)]
    assert states.count(State.STOPPED) > 5 and states.count(State.FAILED) > 5
