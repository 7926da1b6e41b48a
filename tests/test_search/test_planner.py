"""Budget, equivalents, finalists, failures, and that a plan is a function of the history."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.search import Budget, SearchStalled
from mmautoloss.search.driver import known_outcome
from mmautoloss.strategy import Draw, Proposal, RegularizedEvolution, Strategy
from mmautoloss.trial import History, Outcome, Role, State, Trial, read_history
from mmautoloss.trial.line import parse_line, seal
from tests.test_search.conftest import (
    BRANCHES,
    FAILED,
    KNOWN,
    EasyScreen,
    Search,
    score_by_number,
)


def roles(history: History) -> dict[str, int]:
    """Trials by role, of the roles that have any."""
    return {role.value: len(history.of_role(role)) for role in Role if history.of_role(role)}


def test_budget_is_a_total_across_resumes(search: Search) -> None:
    search.run(max_trials=2)
    assert roles(search.history)['search'] == 1, 'the known genome is one of the two'
    events = search.run(resume=True, max_trials=6)
    assert [event for event in events if event.endswith('search')] == [f'+{number} search' for number in (4, 5, 6, 7)]
    assert search.history.n_proxies() == 6
    assert search.run(resume=True, max_trials=6) == [], 'nothing is left to do'


def test_zero_budget_trains_the_baseline_only(make_search: Callable[..., Search]) -> None:
    search = make_search(known=())
    search.run(max_trials=0)
    assert roles(search.history) == {'baseline': 2}


def test_time_is_up(search: Search) -> None:
    search.run(max_seconds=0.0, max_trials=100)
    assert roles(search.history) == {'baseline': 2, 'known': 1}


def test_time_of_earlier_runs_counts(search: Search) -> None:
    search.run(max_trials=2)
    *lines, settled, ended = search.path.read_bytes().splitlines(keepends=True)
    search.path.write_bytes(b''.join([*lines, seal({**parse_line(settled), 'elapsed': 500.0}), ended]))
    assert search.run(resume=True, max_trials=9, max_seconds=400.0) == []
    assert search.run(resume=True, max_trials=3, max_seconds=600.0) != []


def test_equivalents_are_free_and_not_trained(search: Search) -> None:
    """Evolution with copies only: each copy is settled at once by the score of its twin."""
    search.strategy = RegularizedEvolution(BRANCHES, initial=1, copy_rate=0.6, fresh_rate=0.4)
    trained: list[int] = []

    def outcome(trial: Trial) -> Outcome:
        trained.append(trial.number)
        return score_by_number(trial)

    search.run(outcome, max_trials=4)
    equal = [trial for trial in search.history if trial.state is State.EQUIVALENT]
    assert equal and not {trial.number for trial in equal} & set(trained)
    for trial in equal:
        twin = search.history[int(trial.outcome.reason.removeprefix('trial '))]
        assert twin.state is State.COMPLETE and twin.fingerprint == trial.fingerprint
        assert trial.score == twin.score and trial.outcome.seconds == 0
    trainings = [t for t in search.history.of_role(Role.KNOWN, Role.SEARCH) if t not in equal]
    assert len(trainings) == 4


def test_failed_candidates_are_outcomes(search: Search) -> None:
    def outcome(trial: Trial) -> Outcome:
        return FAILED if trial.role in (Role.KNOWN, Role.SEARCH) else score_by_number(trial)

    search.run(outcome, max_trials=3)
    assert roles(search.history) == {'baseline': 2, 'known': 1, 'search': 2}
    assert [t.outcome.reason for t in search.history.of_role(Role.SEARCH)] == ['no luck'] * 2
    assert search.history.population() == [] and search.history.ranking(3) == []


def test_ranking_by_mean_over_seeds_turns_a_lucky_winner_down(search: Search) -> None:
    def outcome(trial: Trial) -> Outcome:
        lucky = {3: 0.9, 4: 0.8}.get(trial.number, 0.5)
        steady = {3: 0.1, 4: 0.7}.get(trial.repeats, lucky)
        return Outcome(State.COMPLETE, steady)

    search.run(outcome)
    assert [trial.number for trial in search.history.best_found(2)] == [3, 4]
    assert [trial.number for trial in search.history.ranking(2)] == [4, 3]
    assert search.history.scores_of(4) == [0.8, 0.7, 0.7]


def test_baseline_that_fails_ends_the_search_with_its_reason(search: Search) -> None:
    with pytest.raises(SetupError, match=r'hand-made losses could not be trained(.|\n)*no luck'):
        search.run(lambda trial: FAILED, slots=3)
    assert search.recorder.events == ['+0 baseline', '-0 failed']


def test_baseline_that_failed_is_tried_again_after_a_resume(search: Search) -> None:
    with pytest.raises(SetupError):
        search.run(lambda trial: FAILED)
    events = search.run(resume=True)
    assert events[:4] == ['+1 baseline', '-1 complete', '+2 baseline', '-2 complete']
    assert [(t.seed, t.repeats) for t in search.history.of_role(Role.BASELINE)] == [
        (3, None),
        (3, None),
        (4, 1),
    ]


def test_stall_where_no_expression_passes(make_search: Callable[..., Search]) -> None:
    search = make_search(screen=EasyScreen(accepts=False))
    with pytest.raises(SearchStalled, match=r"None of 7 .*'cls'.*\{'low gain': 7\}.*screen.eta"):
        search.run(max_draws=7)


def test_stall_where_all_candidates_are_one_loss(make_search: Callable[..., Search]) -> None:
    search = make_search(screen=EasyScreen(one_loss=True))
    with pytest.raises(SearchStalled, match='5 candidates in a row are equal'):
        search.run(max_repeats=5, max_trials=100)
    assert [trial.state for trial in search.history.of_role(Role.SEARCH)] == [State.EQUIVALENT] * 5


def test_funnel_counts_every_draw(search: Search) -> None:
    search.run()
    for trial in search.history:
        drawn = {'accepted': 2} if trial.role is Role.SEARCH else {}
        assert dict(trial.funnel) == drawn


def test_weights_come_from_the_verdicts(search: Search) -> None:
    search.run()
    for trial in search.history.of_role(Role.KNOWN, Role.SEARCH, Role.FINALIST):
        assert trial.weights == {n: search.screen.judge(t).weight for n, t in trial.genome.items()}


@pytest.mark.parametrize('slots', [1, 3])
def test_next_is_a_function_of_the_history(search: Search, slots: int, tmp_path: Path) -> None:
    """A reader of the journal who stops at any event proposes what the search then did."""
    search.strategy = RegularizedEvolution(BRANCHES, initial=2, tournament=0.5)
    search.run(duration=lambda trial: 1.0 + trial.number * 7 % 3, slots=slots, max_trials=8)
    lines = search.path.read_text().splitlines()
    compared = 0
    for number, line in enumerate(lines[1:], start=1):
        event = parse_line(line.encode())
        if event.pop('event') != 'proposed':
            continue
        del event['time']
        part = tmp_path / 'part.jsonl'
        part.write_text('\n'.join(lines[:number]) + '\n')
        assert search.planner(max_trials=8).next(read_history(part)[1], 0.0).to_json() == event
        compared += 1
    assert compared == len(search.history) > 10


def test_two_runs_agree(tmp_path: Path) -> None:
    texts = []
    for name in ('one', 'two'):
        search = Search(tmp_path / name)
        search.run(slots=2)
        texts.append([trial.to_json() for trial in search.history])
    assert texts[0] == texts[1]


@pytest.mark.parametrize('name', ['max_trials', 'finalists', 'max_seconds', 'baseline_repeats'])
def test_negative_budget_is_refused(name: str) -> None:
    with pytest.raises(SetupError, match=f'{name} must not be negative, but got -1'):
        Budget(**{name: -1})


def test_known_genome_is_bred_as_it_is(search: Search) -> None:
    search.run()
    (known,) = search.history.of_role(Role.KNOWN)
    assert (known.genome, known.origin, known.parent) == (KNOWN, 'known', None)


def test_what_is_being_trained_is_not_trained_beside_it(make_search: Callable[..., Search]) -> None:
    """Of two losses only, the second worker gets the other one."""

    class TwoLosses(Strategy):
        def propose(self, history: History, rng: random.Random, draw: Draw) -> Proposal:
            expression = rng.choice(['abs(p - y)', '(p - y) ** 2'])
            return Proposal(Genome.from_text(dict.fromkeys(BRANCHES, expression)), None, 'one of two')

    search = make_search(known=())
    search.strategy = TwoLosses(BRANCHES)
    planner, history = search.planner(max_trials=99), History()
    for _ in range(2):
        history.add(planner.next(history, 0.0))
        history.settle(len(history) - 1, Outcome(State.COMPLETE, 1.0))
    for _ in range(2):
        history.add(planner.next(history, 0.0))
    assert len({trial.fingerprint for trial in history.running()}) == 2


NOT_FINITE = Outcome(State.FAILED, reason='not finite: loss_cls')


@pytest.mark.parametrize(
    ('outcome', 'spared'),
    [
        pytest.param(NOT_FINITE, True, id='not finite'),
        pytest.param(Outcome(State.FAILED, reason="The validation gave no 'mIoU'."), True, id='predicts nothing'),
        pytest.param(Outcome(State.FAILED, reason='worker died: signal 9'), False, id='worker died'),
        pytest.param(Outcome(State.FAILED, reason='time limit: more than 5 s'), False, id='time limit'),
        pytest.param(Outcome(State.FAILED, reason='Traceback\nRuntimeError: CUDA out of memory'), False, id='memory'),
    ],
)
def test_loss_that_failed_by_itself_is_not_trained_again(search: Search, outcome: Outcome, spared: bool) -> None:
    """Another cause may be gone the next time."""
    history = History()
    history.add(Trial(0, Role.KNOWN, 0, fingerprint='a'))
    history.settle(0, outcome)
    twin = Trial(1, Role.SEARCH, 0, fingerprint='a')
    assert known_outcome(twin, history) == (Outcome(State.FAILED, reason='trial 0') if spared else None)
    for other in ({'fingerprint': ''}, {'fingerprint': 'b'}, {'role': Role.FINALIST}):
        assert known_outcome(replace(twin, **other), history) is None
    history.add(twin)
    assert history.n_proxies() == 2
    history.settle(1, Outcome(State.FAILED, reason='trial 0') if spared else NOT_FINITE)
    assert history.n_proxies() == (1 if spared else 2) and history[1].was_spared == spared


def test_failed_twins_are_free_and_hold_across_a_resume(make_search: Callable[..., Search]) -> None:
    search = make_search(known=())
    search.screen.fingerprint = lambda verdict, digits: str(int(verdict.signature[0]) % 4)
    trained: list[int] = []

    def outcome(trial: Trial) -> Outcome:
        trained.append(trial.number)
        return NOT_FINITE if trial.role is Role.SEARCH and trial.number % 2 else score_by_number(trial)

    search.run(outcome, max_trials=5)
    search.run(outcome, max_trials=9, resume=True)
    spared = [trial for trial in search.history if trial.state is State.FAILED and trial.was_spared]
    assert spared and not {trial.number for trial in spared} & set(trained)
    for trial in spared:
        assert search.history[int(trial.outcome.reason.removeprefix('trial '))].fingerprint == trial.fingerprint
    prints = [t.fingerprint for t in search.history.of_role(Role.SEARCH) if not t.was_spared]
    assert len(prints) == len(set(prints)) == 9


def measuring(search: Search) -> Search:
    settings = {'initial': 1, 'copy_rate': 0.4, 'fresh_rate': 0.4, 'tournament': 0.5}
    search.strategy = RegularizedEvolution(BRANCHES, **settings, copies='measure')
    return search


@pytest.mark.parametrize('slots', [1, 3])
def test_what_is_measured_again_is_trained_and_counts(search: Search, slots: int) -> None:
    trained: list[int] = []

    def outcome(trial: Trial) -> Outcome:
        trained.append(trial.number)
        return score_by_number(trial)

    measuring(search).run(outcome, slots=slots, max_trials=30)
    history = search.history
    again = [trial for trial in history if trial.measures_again]
    assert len(again) > 5 and set(trained) >= {trial.number for trial in again}
    assert history.n_proxies() == 30 == len(history.of_role(Role.KNOWN, Role.SEARCH)), 'no two draws are one loss here'
    for trial in again:
        first = history[trial.repeats]
        assert (trial.genome, trial.weights, trial.parent) == (first.genome, first.weights, first.number)
        assert not first.measures_again and trial.origin == 'measure'
    for number in {trial.repeats for trial in again}:
        seeds = [history[number].seed, *(trial.seed for trial in history.repeats_of(number))]
        assert seeds == [*range(3, 3 + len(seeds))], 'also of finalists'


def test_what_is_measured_again_is_no_individual_and_no_find(search: Search) -> None:
    measuring(search).run(max_trials=30)
    history, again = search.history, {trial.number for trial in search.history if trial.measures_again}
    assert again.isdisjoint(trial.number for trial in history.population() + history.best_found(100))
    assert history.winner() is not None and history.winner().number not in again


def test_measuring_again_is_resumed_as_if_nothing_had_been(tmp_path: Path) -> None:
    whole, parts = (measuring(Search(tmp_path / name)) for name in ('whole', 'parts'))
    whole.run(max_trials=20)
    for count in (3, 8, 13, 20):
        parts.run(max_trials=count, finalists=0, resume=count > 3)
    parts.run(max_trials=20, resume=True)
    assert [trial.to_json() for trial in parts.history] == [trial.to_json() for trial in whole.history]
