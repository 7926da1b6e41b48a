"""Relays without models: which weights each candidate begins from, what a strategy sees, what is concluded."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import pytest

from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.losses import input_kind
from mmautoloss.search import Relay, best_of, relay_of
from mmautoloss.search.relay import seen_by_strategy
from mmautoloss.strategy import CMAES, RegularizedEvolution, Reinforce
from mmautoloss.strategy.priority import OperatorPriority
from mmautoloss.trial import History, Outcome, Role, Saved, State, Trial
from tests.test_search.conftest import BRANCHES, FAILED, Search, score_by_number

RELAY = Relay(4, 3)
KINDS = {'cls': input_kind('softmax'), 'box': input_kind('delta')}
FAMILY = {'cls': '-y * (1 - {a=0.5} * p) * log(p)', 'box': 'abs(p - y) + {b=0.5} * (p - y) ** 2'}


def saved(trial: Trial) -> Saved:
    done = trial.begin.iterations if trial.begin else 0
    return Saved(f'leg_{trial.number}.pth', done + 10, f'{trial.number:064x}')


def outcome_of(trial: Trial) -> Outcome:
    outcome = score_by_number(trial)
    return replace(outcome, saved=saved(trial)) if trial.role is Role.LEG else outcome


class RelaySearch(Search):
    """A search in four generations of three."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        super().__init__(folder, **{'relay': RELAY, 'known': (), **settings})
        self.strategy = Reinforce(BRANCHES, FAMILY, samples=3).for_kinds(KINDS)


def generations(history: History) -> list[list[Trial]]:
    legs = history.of_role(Role.LEG)
    return [legs[place : place + 3] for place in range(0, len(legs), 3)]


@pytest.mark.parametrize('slots', [1, 2, 5])
def test_each_generation_begins_from_the_best_of_the_one_before(tmp_path: Path, slots: int) -> None:
    search = RelaySearch(tmp_path)
    rng = random.Random(slots)
    search.run(outcome_of, duration=lambda trial: rng.uniform(0.5, 2), slots=slots, confirm_seeds=5)
    parts = generations(search.history)
    assert [len(part) for part in parts] == [3, 3, 3, 3]
    assert {leg.begin for leg in parts[0]} == {None} and {leg.seed for part in parts for leg in part} == {3}
    for before, part in pairwise(parts):
        assert {leg.begin for leg in part} == {saved(best_of(before))}
        assert all(leg.begin.iterations == before[0].outcome.saved.iterations for leg in part)
    assert [leg.origin for leg in search.history.of_role(Role.LEG)] == [f'generation {k // 3 + 1}' for k in range(12)]
    (end,) = search.history.of_role(Role.SEARCH)
    assert (end.origin, end.begin, end.times, end.seed) == ('conclusion', None, 1, 3)
    assert search.history.winner() == end, 'no leg is compared with whole trainings'
    assert {trial.repeats for trial in search.history.of_role(Role.CONFIRM)} == {0, end.number}
    assert search.history.n_proxies() == 13


def test_whichever_worker_is_first_the_proposals_are_the_same(tmp_path: Path) -> None:
    genomes = []
    for slots in (1, 3):
        (tmp_path / str(slots)).mkdir()
        search = RelaySearch(tmp_path / str(slots))
        order = random.Random(slots)
        search.run(
            lambda t: outcome_of(replace(t, number=t.number % 3)), lambda t, rng=order: rng.uniform(0.5, 2), slots
        )
        genomes.append([leg.genome for leg in search.history.of_role(Role.LEG)][:6])
    assert genomes[0] == genomes[1]


def test_a_generation_without_a_score_leaves_the_weights_where_they_are(tmp_path: Path) -> None:
    search = RelaySearch(tmp_path)
    second = range(5, 8)  # after two trainings of the hand-made losses and the first generation
    search.run(lambda trial: FAILED if trial.number in second else outcome_of(trial), max_failures=0)
    parts = generations(search.history)
    assert [leg.number for leg in parts[1]] == list(second)
    assert {leg.begin for leg in parts[2]} == {leg.begin for leg in parts[1]} == {saved(best_of(parts[0]))}
    assert best_of(parts[3]).outcome.saved.iterations == 30, 'three generations of ten iterations have moved'


def test_nothing_is_concluded_where_nothing_has_a_score(tmp_path: Path) -> None:
    search = RelaySearch(tmp_path)
    search.run(lambda trial: FAILED if trial.role is Role.LEG else outcome_of(trial), max_failures=0)
    assert len(search.history.of_role(Role.LEG)) == 12 and not search.history.of_role(Role.SEARCH)


def test_time_that_is_over_ends_with_what_there_is(tmp_path: Path) -> None:
    search = RelaySearch(tmp_path)
    planner = search.planner(max_seconds=100)
    history = History()
    for number, role in enumerate([Role.BASELINE, Role.BASELINE, *[Role.LEG] * 4]):
        trial = planner.next(history, 0.0)
        assert (trial.number, trial.role) == (number, role)
        history.add(trial)
        if number < 5:
            history.settle(number, outcome_of(trial))
    assert planner.next(history, 101.0) is None, 'the running leg is awaited'
    history.settle(5, outcome_of(history[5]))
    assert planner.next(history, 101.0).role is Role.SEARCH and planner.next(history, 99.0).role is Role.LEG


def test_stopped_and_continued_it_is_the_same(tmp_path: Path) -> None:
    whole, broken = (RelaySearch(tmp_path / name) for name in ('whole', 'broken') if (tmp_path / name).mkdir() is None)
    whole.run(outcome_of)

    class Dies(Exception):
        pass

    def dying(trial: Trial) -> Outcome:
        if trial.number >= death:
            raise Dies
        return outcome_of(trial)

    death = 0
    for death in range(len(whole.history)):
        with pytest.raises(Dies):
            broken.run(dying, resume=death > 0)
    death = 1000
    broken.run(dying, resume=True)
    assert [t.to_json() for t in broken.history] == [t.to_json() for t in whole.history]


STRATEGIES: Mapping[str, tuple[Callable[[], Any], str]] = {
    'CMAES': (lambda: CMAES(BRANCHES, FAMILY, population=4).for_kinds(KINDS), 'conclusion'),
    'evolution': (lambda: RegularizedEvolution(BRANCHES, initial=2, fresh_rate=0.2, population=0.5), 'last winner'),
    'measure': (lambda: RegularizedEvolution(BRANCHES, initial=1, copy_rate=0.9, copies='measure', fresh_rate=0.1),
                'last winner'),
    'ucb': (lambda: RegularizedEvolution(BRANCHES, initial=2, population=0.5, priority='ucb'), 'last winner'),
}  # fmt: skip


@pytest.mark.parametrize('name', STRATEGIES)
def test_other_strategies_run_in_generations(tmp_path: Path, name: str) -> None:
    make, origin = STRATEGIES[name]
    search = RelaySearch(tmp_path, relay=Relay(4, 4))
    search.strategy = make()
    search.run(outcome_of, slots=2)
    legs, (end,) = search.history.of_role(Role.LEG), search.history.of_role(Role.SEARCH)
    assert len(legs) == 16 and end.origin == origin
    assert all(len({leg.genome for leg in legs[k : k + 4]}) == 4 for k in range(0, 16, 4)), 'no training is repeated'
    assert all(leg.repeats is None and leg.origin.startswith('generation') for leg in legs)
    if origin == 'last winner':
        winner = best_of(legs[12:])
        assert end.parent == winner.number and end.genome == winner.genome
        assert {leg.parent for leg in legs} <= {None, *(leg.number for leg in legs)}


def test_priorities_of_operators_are_those_of_legs_by_their_places_in_their_generations(tmp_path: Path) -> None:
    strategy = RegularizedEvolution(BRANCHES, initial=2, population=0.5, priority='ucb', fresh_rate=0.9)
    weights = []
    for shift in (0.0, 1.0):  # longer trainings score higher
        (tmp_path / str(shift)).mkdir()
        search = RelaySearch(
            tmp_path / str(shift), known=(Genome.from_text({'cls': '-y * log(p)', 'box': 'abs(p - y)'}),)
        )
        search.strategy = strategy

        def outcome(trial: Trial, shift: float = shift) -> Outcome:
            plain, done = outcome_of(trial), trial.begin.iterations if trial.begin else 0
            return replace(plain, score=random.Random(trial.number).random() + shift * done)

        search.run(outcome)
        seen = seen_by_strategy(search.history, RELAY)
        assert [leg.genome for leg in search.history.of_role(Role.LEG)] == [
            leg.genome for leg in seen.of_role(Role.SEARCH)
        ]
        weights.append([OperatorPriority(0.5).weights(branch, seen) for branch in BRANCHES])
    assert weights[0][0] == pytest.approx(weights[1][0]) and weights[0][1] == pytest.approx(weights[1][1])
    assert len({round(weight, 6) for weight in weights[0][0].values()}) > 1


def test_strategies_see_scores_in_spreads_of_their_generation(tmp_path: Path) -> None:
    search = RelaySearch(tmp_path, known=(Genome.from_text({'cls': '-y * log(p)', 'box': 'abs(p - y)'}),))
    search.run(lambda trial: FAILED if trial.number == 5 else outcome_of(trial))
    seen = seen_by_strategy(search.history, RELAY)
    assert len(seen) == len(search.history) and not seen.of_role(Role.KNOWN)
    for generation in generations(search.history):
        scores = [leg.score for leg in generation if leg.score is not None]
        for leg in generation:
            shown = seen[leg.number]
            assert (shown.role, shown.genome) == (Role.SEARCH, leg.genome)
            if leg.score is None:
                assert shown.score is None
            else:
                assert shown.score == pytest.approx((leg.score - fmean(scores)) / pstdev(scores))
    assert [trial.number for trial in seen.settled()] == [leg.number for leg in search.history.of_role(Role.LEG)]


def test_what_is_kept_of_saved_trainings() -> None:
    history = History()
    assert RELAY.kept(history) == []
    kept = []
    for number, score in enumerate([0.1, 0.3, 0.2, 0.9, None, 0.9, 0.5]):
        trial = Trial(number, Role.LEG, seed=0, begin=RELAY.begin(history))
        history.add(trial)
        scored = Outcome(State.COMPLETE, score, saved=saved(trial)) if score else FAILED
        history.settle(number, scored)
        kept.append([each.name for each in RELAY.kept(history)])
    names = [['leg_0.pth'], ['leg_1.pth'], ['leg_1.pth'], ['leg_1.pth', 'leg_3.pth'], ['leg_1.pth', 'leg_3.pth']]
    assert kept == [*names, ['leg_3.pth'], ['leg_3.pth', 'leg_6.pth']]


def test_the_relay_of_a_journal() -> None:
    begin = {'schedule': {'max_iters': 20}, 'generations': 5, 'candidates': 3}
    assert relay_of({'begin': begin}) == Relay(5, 3)
    assert relay_of({}) is None and relay_of({'begin': {'schedule': {}, 'sha256': ''}}) is None
    with pytest.raises(SetupError, match='generations must be at least 2'):
        Relay(1, 3)
