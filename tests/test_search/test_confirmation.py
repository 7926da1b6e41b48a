"""Fresh seeds at the end of a search: for whom, which, in what order, once, and replayed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmautoloss.checks import MAX_SEED
from mmautoloss.engine.reproduction import replay
from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.search import Budget, SearchSettings, confirmations_left
from mmautoloss.trial import History, Outcome, Role, State, Trial, read_events, read_history
from mmautoloss.trial.line import parse_line
from tests.test_search.conftest import FAILED, KNOWN, Search, score_by_number

OTHERS = tuple(Genome.from_text({'cls': text, 'box': 'abs(p - y)'}) for text in ('p', 'p * y'))
Searches = Callable[..., Search]


def fresh(history: History) -> list[tuple[int, int]]:
    return [(trial.seed, trial.repeats) for trial in history.of_role(Role.CONFIRM)]


def by_loss(scores: dict[int, float]) -> Callable[[Trial], Outcome]:
    """Each loss has one score, with every seed."""
    return lambda trial: Outcome(
        State.COMPLETE, scores.get(trial.number if trial.repeats is None else trial.repeats, 0.1)
    )


def test_hand_made_best_known_and_winner_get_the_same_seeds(make_search: Searches) -> None:
    search = make_search(known=(KNOWN, *OTHERS))
    search.run(by_loss({3: 0.7, 4: 0.3, 6: 0.9}), max_trials=6, confirm_seeds=5)
    assert fresh(search.history) == [(3 + 1000 + seed, number) for seed in range(5) for number in (0, 3, 6)]
    others = {trial.seed for trial in search.history if trial.role is not Role.CONFIRM}
    assert max(others) < 1003, 'no other training has one of these seeds'
    for trial in search.history.of_role(Role.CONFIRM):
        twin = search.history[trial.repeats]
        assert (trial.genome, trial.weights, trial.times) == (twin.genome, twin.weights, 1)
    assert len(search.history.scores_of(6)) == 3, 'they are not among the scores that choose'
    assert search.history.n_proxies() == 6 and len(search.history.baseline_scores()) == 2


def test_best_known_loss_is_not_the_luckiest(make_search: Searches) -> None:
    """The better of two by its first score is worse with other seeds; a third one is not trained again."""
    search = make_search(known=(KNOWN, *OTHERS))

    def outcome(trial: Trial) -> Outcome:
        first = {2: 0.9, 3: 0.8, 4: 0.1, 5: 0.5}.get(trial.number, 0.3)
        return Outcome(State.COMPLETE, {2: 0.2, 3: 0.7}.get(trial.repeats, first))

    search.run(outcome, max_trials=5, confirm_seeds=5)
    known = [trial.repeats for trial in search.history.of_role(Role.FINALIST) if trial.repeats < 5]
    assert known == [2, 3, 2, 3] and {number for _, number in fresh(search.history)} == {0, 3, 5}


@pytest.mark.parametrize(
    ('known', 'compared'),
    [pytest.param((), {0, 2}, id='none'), pytest.param((KNOWN,), {0, 2, 3}, id='a single one is not trained again')],
)
def test_without_a_choice_of_known_losses(make_search: Searches, known: tuple, compared: set[int]) -> None:
    search = make_search(known=known)
    search.run(by_loss({2 + len(known): 0.9}), max_trials=2 + len(known), confirm_seeds=5)
    assert {number for _, number in fresh(search.history)} == compared
    assert not any(trial.repeats == 2 and known for trial in search.history.of_role(Role.FINALIST))


def test_nothing_is_confirmed_where_nothing_is_asked_for_or_found(search: Search) -> None:
    search.run(confirm_seeds=0)
    assert fresh(search.history) == []
    search.run(confirm_seeds=5, resume=True)
    assert len(fresh(search.history)) == 15, 'a finished search is confirmed later'
    assert search.run(confirm_seeds=5, resume=True) == []


def test_nothing_found_is_not_confirmed(search: Search) -> None:
    search.run(lambda trial: FAILED if trial.role is Role.SEARCH else score_by_number(trial), confirm_seeds=5)
    assert fresh(search.history) == []


def test_finalists_are_not_needed(search: Search) -> None:
    search.run(by_loss({4: 0.9}), finalists=0, confirm_seeds=5)
    assert {number for _, number in fresh(search.history)} == {0, 2, 4}


def test_confirmation_waits_for_the_last_finalist(search: Search) -> None:
    events = search.run(duration=lambda trial: 1 + trial.number * 7 % 5, slots=3, confirm_seeds=5)
    confirm = next(place for place, event in enumerate(events) if event.endswith('confirm'))
    last = max(trial.number for trial in search.history.of_role(Role.FINALIST))
    assert events.index(f'-{last} complete') < confirm


def test_another_winner_after_a_resume_uses_what_is_there(search: Search) -> None:
    search.run(by_loss({3: 0.9, 4: 0.5}), confirm_seeds=5)
    before = fresh(search.history)
    number = len(search.history)
    search.run(by_loss({3: 0.9, number: 0.99}), max_trials=4, confirm_seeds=5, resume=True)
    assert fresh(search.history)[len(before) :] == [(1003 + seed, number) for seed in range(5)]
    assert search.history.winner().number == number and search.history.ranking(2)[0].number == number


def test_more_seeds_are_added(search: Search) -> None:
    search.run(confirm_seeds=5)
    search.run(confirm_seeds=7, resume=True)
    assert [seed for seed, _ in fresh(search.history)][15:] == [1008] * 3 + [1009] * 3


@pytest.mark.parametrize(
    ('reason', 'trainings'),
    [
        pytest.param('not finite: a loss', 5, id='its own'),
        pytest.param('worker died: signal 9', 10, id="the machine's"),
    ],
)
def test_a_failure_that_is_not_the_losses_own_is_tried_once_more(search: Search, reason: str, trainings: int) -> None:
    def outcome(trial: Trial) -> Outcome:
        failed = trial.role is Role.CONFIRM and trial.repeats == 4
        return Outcome(State.FAILED, reason=reason) if failed else by_loss({4: 0.9})(trial)

    search.run(outcome, confirm_seeds=5, max_failures=0)
    assert [number for _, number in fresh(search.history)].count(4) == trainings
    assert not search.history.running() and search.run(outcome, confirm_seeds=5, resume=True) == []


@pytest.mark.parametrize('slots', [1, 3])
def test_every_proposal_is_a_function_of_the_journal(make_search: Searches, slots: int, tmp_path: Path) -> None:
    """A reader of the journal who stops at any event proposes what the search then did."""
    search = make_search(known=(KNOWN, *OTHERS))
    budget = {'max_trials': 8, 'finalists': 5, 'finalist_repeats': 2, 'confirm_seeds': 5}
    search.run(duration=lambda trial: 1.0 + trial.number * 7 % 3, slots=slots, **budget)
    lines = search.path.read_text().splitlines()
    roles = set()
    for number, line in enumerate(lines[1:], start=1):
        event = parse_line(line.encode())
        if event.pop('event') != 'proposed':
            continue
        del event['time']
        part = tmp_path / 'part.jsonl'
        part.write_text('\n'.join(lines[:number]) + '\n')
        assert search.planner(**budget).next(read_history(part)[1], 0.0).to_json() == event
        roles.add(event['role'])
    assert roles == {'baseline', 'known', 'search', 'finalist', 'confirm'}
    assert not any(each.differences for each in replay(read_events(search.path), search.planner()))


@pytest.mark.parametrize('slots', [1, 3])
def test_resume_after_any_event_is_the_unbroken_search(make_search: Searches, slots: int, tmp_path: Path) -> None:
    """The journal is cut after every third event, and the search goes on from there."""
    search = make_search(known=(KNOWN, *OTHERS))
    budget = {'max_trials': 6, 'finalists': 3, 'finalist_repeats': 2, 'confirm_seeds': 5}
    search.run(slots=slots, **budget)
    unbroken, lines = [trial.to_json() for trial in search.history], search.path.read_bytes().splitlines(True)
    for count in range(2, len(lines), 3):
        search.path.write_bytes(b''.join(lines[:count]))
        search.run(slots=slots, resume=True, **budget)
        again = [trial.to_json() for trial in search.history]
        if slots == 1:
            assert again == unbroken, count
        assert sorted(fresh(search.history)) == sorted(
            (t['seed'], t['repeats']) for t in unbroken if t['role'] == 'confirm'
        )


def test_journals_without_these_settings_are_replayed_as_they_were(search: Search) -> None:
    search.run(max_trials=6, finalists=3, allocation='equal')
    events = list(read_events(search.path))
    for event in events:
        if event['event'] == 'started':
            del event['budget']['allocation'], event['budget']['confirm_seeds']
    replayed = list(replay(events, search.planner()))
    assert len(replayed) == len(search.history) and not any(each.differences for each in replayed)
    assert len(search.history.of_role(Role.FINALIST)) == 6
    assert Budget.recorded({'max_trials': 3}) == Budget(max_trials=3, allocation='equal', confirm_seeds=0)


def test_what_is_left_is_known_from_the_beginning(search: Search) -> None:
    budget = search.planner(confirm_seeds=5).settings.budget
    assert confirmations_left(History(), budget, search_over=False) == 10, 'a known loss may come'
    assert confirmations_left(History(), budget, search_over=True) == 0, 'nothing was found'
    search.run(confirm_seeds=5)
    assert confirmations_left(search.history, budget, search_over=True) == 0


@pytest.mark.parametrize('count', [1, 2, 3, 4])
def test_too_few_seeds_are_refused(count: int) -> None:
    with pytest.raises(SetupError, match=f'confirm_seeds must be 0 or at least 5, but got {count}'):
        Budget(confirm_seeds=count)


def test_misspelt_allocation_is_refused() -> None:
    with pytest.raises(SetupError, match="allocation must be one of halving, equal, but got 'race'"):
        Budget(allocation='race')


def test_every_seed_of_a_budget_is_one_that_numpy_accepts() -> None:
    last = MAX_SEED - 1005
    assert SearchSettings(last).seed == last
    with pytest.raises(SetupError, match='seed must be at most'):
        SearchSettings(last + 1)
    many = Budget(finalists=100, finalist_repeats=50)
    assert many.fresh_seeds == range(5001, 5006), 'above all others, also where they are many'
