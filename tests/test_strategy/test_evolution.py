"""Regularised evolution: tournament, ageing, rates."""

from __future__ import annotations

import hashlib
import random
from collections import Counter

import pytest

from mmautoloss.errors import SetupError
from mmautoloss.expr import MUTATIONS, Genome
from mmautoloss.strategy import Proposal, RegularizedEvolution
from mmautoloss.testing.strategy_suite import INPUTS, accept_all, make_history
from mmautoloss.trial import History, Outcome, Role, State, Trial


def propose(strategy: RegularizedEvolution, history: History, count: int) -> list[Proposal]:
    return [strategy.propose(history, random.Random(f'test/{seed}'), accept_all) for seed in range(count)]


@pytest.mark.parametrize(('length', 'random_phase'), [(0, True), (5, True), (6, False)])
def test_random_phase_until_the_initial_population(length: int, random_phase: bool) -> None:
    strategy = RegularizedEvolution(INPUTS, initial=6)
    origins = {proposal.origin for proposal in propose(strategy, make_history(length), 30)}
    assert (origins == {'random'}) == random_phase
    assert ('random' in origins) == random_phase


def test_random_graphs_have_the_depth() -> None:
    for proposal in propose(RegularizedEvolution(INPUTS, depth=2), make_history(0), 20):
        assert {tree.depth for tree in proposal.genome.values()} == {2}


def test_tournament_of_all_takes_the_best() -> None:
    history = make_history(20)
    strategy = RegularizedEvolution(INPUTS, initial=1, tournament=1.0)
    best = max(history.population(), key=lambda trial: trial.score)
    assert {proposal.parent for proposal in propose(strategy, history, 20)} == {best.number}


@pytest.mark.parametrize(
    ('length', 'share', 'size'),
    [
        pytest.param(20, 0.05, 2, id='at least two'),
        pytest.param(20, 0.5, 10, id='half'),
        pytest.param(1, 0.05, 1, id='one alone'),
        pytest.param(200, 0.05, 10, id='published'),
    ],
)
def test_winner_is_the_best_of_a_sample(length: int, share: float, size: int) -> None:
    history = make_history(length)
    alive = history.population()
    strategy = RegularizedEvolution(INPUTS, tournament=share)
    for seed in range(50):
        sample = random.Random(seed).sample(alive, size)
        winner = strategy.select(alive, random.Random(seed), history)
        assert winner.score == max(trial.score for trial in sample)


def test_newest_of_equals_wins() -> None:
    history = make_history(40)
    alive = [trial for trial in history.population() if trial.score == 14.0]
    assert len(alive) == 2
    strategy = RegularizedEvolution(INPUTS)
    assert strategy.select(alive, random.Random(0), history) is max(alive, key=lambda trial: trial.number)


def test_only_the_newest_live() -> None:
    history = make_history(40)
    strategy = RegularizedEvolution(INPUTS, initial=1, population=7)
    parents = {proposal.parent for proposal in propose(strategy, history, 200)}
    assert parents <= set(range(34, 41)) and len(parents) > 3


def test_the_newest_are_those_that_settled_last() -> None:
    history = make_history(0)
    for trial in list(make_history(6))[1:]:
        history.add(trial.__class__.from_json(trial.to_json()))
    for number in (4, 5, 6, 1, 2, 3):
        history.settle(number, Outcome(State.COMPLETE, 1.0))
    strategy = RegularizedEvolution(INPUTS, initial=1, population=2)
    assert {proposal.parent for proposal in propose(strategy, history, 50)} <= {2, 3}


def test_aged_out_individuals_still_end_the_random_phase() -> None:
    strategy = RegularizedEvolution(INPUTS, initial=10, population=5)
    assert all(p.parent is not None for p in propose(strategy, make_history(12), 30))


@pytest.mark.parametrize(('share', 'max_trials', 'size'), [(0.25, 28, 7), (0.5, 15, 8), (0.01, 64, 2), (0.5, 0, 2)])
def test_a_population_may_be_a_share_of_the_trainings(share: float, max_trials: int, size: int) -> None:
    history = make_history(40)
    strategy, number = (RegularizedEvolution(INPUTS, **{**SMALL, 'population': each}) for each in (share, size))
    ageing = strategy.for_budget(max_trials)
    assert propose(ageing, history, 50) == propose(number, history, 50)
    assert len(ageing.alive(history)) == size and strategy.population == share
    assert number.for_budget(max_trials) is number
    with pytest.raises(SetupError, match='a share of a budget that is not known'):
        strategy.alive(history)


@pytest.mark.parametrize('vary', ['one', 'all'])
def test_published_rates(vary: str) -> None:
    """10 % copies, 50 % fresh, 40 % mutations; three standard deviations of 3000 draws are 0.03."""
    strategy = RegularizedEvolution(INPUTS, initial=1, vary=vary)
    proposals = propose(strategy, make_history(30), 3000)
    kinds = Counter(proposal.origin.split('(')[0] for proposal in proposals)
    assert set(kinds) == {'copy', 'fresh', *MUTATIONS}
    assert kinds['copy'] / 3000 == pytest.approx(0.1, abs=0.02)
    assert kinds['fresh'] / 3000 == pytest.approx(0.5, abs=0.03)
    for name in MUTATIONS:
        assert kinds[name] / 3000 == pytest.approx(0.4 / 3, abs=0.02)


def test_a_copy_is_the_parent() -> None:
    history = make_history(10)
    strategy = RegularizedEvolution(INPUTS, initial=1, copy_rate=1.0, fresh_rate=0.0)
    for proposal in propose(strategy, history, 20):
        assert proposal.genome == history[proposal.parent].genome


def test_one_branch_varies_each_as_often() -> None:
    strategy = RegularizedEvolution(INPUTS, initial=1, copy_rate=0.0, vary='one')
    history = make_history(10)
    varied = Counter()
    for proposal in propose(strategy, history, 900):
        branch = proposal.origin.partition('(')[2].rstrip(')')
        varied[branch] += 1
        parent = history[proposal.parent].genome
        others = set(INPUTS) - {branch}
        assert all(proposal.genome[name] == parent[name] for name in others)
    assert all(count / 900 == pytest.approx(1 / 3, abs=0.06) for count in varied.values())
    assert set(varied) == set(INPUTS)


def test_all_branches_vary_each_by_its_own_draw() -> None:
    strategy = RegularizedEvolution(INPUTS, initial=1, copy_rate=0.0, fresh_rate=0.0)
    proposals = propose(strategy, make_history(10), 50)
    for proposal in proposals:
        names = [part.partition('(')[2].rstrip(')') for part in proposal.origin.split()]
        assert names == list(INPUTS)
    assert any(len({part.split('(')[0] for part in p.origin.split()}) > 1 for p in proposals)


def test_each_branch_has_its_own_draw_between_fresh_and_mutated() -> None:
    """Half of all children have a fresh graph in a branch, whatever happens in the others; copies are whole."""
    strategy = RegularizedEvolution(INPUTS, initial=1)
    proposals = propose(strategy, make_history(30), 3000)
    fresh = [[part.startswith('fresh') for part in p.origin.split()] for p in proposals if p.origin != 'copy']
    assert len(fresh) / 3000 == pytest.approx(0.9, abs=0.02) and {len(each) for each in fresh} == {len(INPUTS)}
    for index in range(len(INPUTS)):
        assert sum(each[index] for each in fresh) / 3000 == pytest.approx(0.5, abs=0.03)
    assert sum(map(all, fresh)) / 3000 == pytest.approx(0.9 * (5 / 9) ** len(INPUTS), abs=0.025)


def test_growth_is_bounded() -> None:
    strategy = RegularizedEvolution(INPUTS, initial=1, copy_rate=0.0, fresh_rate=0.0, max_nodes=8, vary='all')
    history = make_history(10)
    for proposal in propose(strategy, history, 200):
        for branch, tree in proposal.genome.items():
            assert tree.size <= max(8, history[proposal.parent].genome[branch].size - 1)


SMALL = {'initial': 1, 'tournament': 0.3, 'copy_rate': 0.0, 'fresh_rate': 0.15, 'vary': 'one', 'mutations': 3}


@pytest.mark.parametrize(
    ('settings', 'digest'),
    [
        pytest.param({'initial': 1}, 'b35ffee043e462e4', id='published'),
        pytest.param({**SMALL, 'distinct': True}, '956a0281157707d8', id='small'),
        pytest.param({**SMALL, 'population': 9}, 'bd275ef380713333', id='ageing'),
    ],
)
def test_searches_that_have_begun_go_on_as_they_would_have(settings: dict, digest: str) -> None:
    """A new option must not change the draws of searches without it, which are replayed from their journals."""
    proposals = propose(RegularizedEvolution(INPUTS, **settings), make_history(40), 300)
    texts = [f'{proposal.genome.to_text()} {proposal.parent} {proposal.origin}' for proposal in proposals]
    assert hashlib.sha256('\n'.join(texts).encode()).hexdigest()[:16] == digest


def test_numbers_of_mutated_branches_change_at_their_rate() -> None:
    strategy = RegularizedEvolution(INPUTS, **SMALL, number_rate=0.5)
    proposals = propose(strategy, make_history(30), 2000)
    names = Counter(
        name for proposal in proposals for name in proposal.origin.partition('(')[0].split('+') if name != 'fresh'
    )
    assert names['number'] / names.total() == pytest.approx(0.5, abs=0.03)
    assert set(names) == {'number', *MUTATIONS}


MEASURING = {'initial': 1, 'copy_rate': 1.0, 'fresh_rate': 0.0, 'tournament': 1.0, 'copies': 'measure'}


def again(history: History, repeats: int, score: float | None, fingerprint: str = '') -> None:
    number, genome = len(history), history[repeats].genome
    history.add(Trial(number, Role.SEARCH, 1, genome, repeats=repeats, fingerprint=fingerprint))
    history.settle(number, Outcome(State.FAILED) if score is None else Outcome(State.COMPLETE, score))


def test_a_winner_is_measured_again_and_keeps_its_mean() -> None:
    history = make_history(3)  # scores 7, 14, 21 of the trials 1, 2, 3
    strategy = RegularizedEvolution(INPUTS, **MEASURING)
    (proposal,) = propose(strategy, history, 1)
    assert proposal == Proposal(history[3].genome, 3, 'measure', repeats=3)
    again(history, 3, 5.0)  # its mean is 13
    assert strategy.alive(history) == [history[1], history[2], history[3]]
    assert propose(strategy, history, 1)[0].repeats == 2
    again(history, 2, None)  # no score, nothing known
    again(history, 3, 25.0)  # its mean is 17
    assert propose(strategy, history, 1)[0].repeats == 3
    published = RegularizedEvolution(INPUTS, **{**MEASURING, 'copies': 'reuse'})
    assert propose(published, history, 1) == [Proposal(history[3].genome, 3, 'copy')]


def test_what_is_the_same_loss_is_measured_where_it_was_trained() -> None:
    history = History()
    for number, (role, fingerprint, score) in enumerate(
        [(Role.BASELINE, 'a', 1.0), (Role.SEARCH, 'b', 2.0), (Role.SEARCH, 'b', 2.0), (Role.SEARCH, 'a', 1.0)]
    ):
        genome = Genome.from_text(dict.fromkeys(INPUTS, 'p')) if number else None
        history.add(Trial(number, role, 0, genome, fingerprint=fingerprint))
        spared = number > 1
        state, reason = (State.EQUIVALENT, f'trial {3 - number}') if spared else (State.COMPLETE, '')
        history.settle(number, Outcome(state, score, reason=reason))
    strategy = RegularizedEvolution(INPUTS, **MEASURING)
    assert propose(strategy, history, 1)[0].repeats == 1
    again(history, 1, -2.0, 'b')  # both forms of the loss fall below that which is the hand-made one
    assert propose(strategy, history, 1)[0].repeats == 3


def one_parent(expression: str) -> History:
    history = make_history(0)
    history.add(Trial(1, Role.KNOWN, seed=0, genome=Genome.from_text(dict.fromkeys(INPUTS, expression))))
    history.settle(1, Outcome(State.COMPLETE, 1.0))
    return history


LARGE = ' + '.join(['p * (y - 0.5)'] * 9)
"""An expression of 62 nodes that all branches can read, as far as mutation looks."""


@pytest.mark.parametrize(('shrink', 'deleted'), [(True, (0.95, 1.0)), (False, (0.55, 0.7))])
def test_a_parent_above_the_limit_has_children(shrink: bool, deleted: tuple[float, float]) -> None:
    history = one_parent(LARGE)
    settings = {**SMALL, 'fresh_rate': 0.0, 'mutations': 1, 'number_rate': 0.1}
    proposals = propose(RegularizedEvolution(INPUTS, **settings, shrink=shrink), history, 600)
    names = Counter(proposal.origin.partition('(')[0] for proposal in proposals)
    assert deleted[0] <= names['delete'] / 600 <= deleted[1]
    assert shrink or min(names['replace'], names['number']) > 30
    sizes = [max(tree.size for tree in proposal.genome.values()) for proposal in proposals]
    assert max(sizes) == history[1].genome['cls'].size == 62


@pytest.mark.parametrize('size', [8, 62])
def test_what_may_stay_large_never_grows(size: int) -> None:
    """Over many generations, each of several mutations."""
    settings = {**SMALL, 'fresh_rate': 0.0, 'vary': 'all', 'max_nodes': 8, 'shrink': False, 'number_rate': 0.3}
    strategy, expression = RegularizedEvolution(INPUTS, **settings), LARGE if size == 62 else 'p'
    for seed in range(100):
        proposal = strategy.propose(one_parent(expression), random.Random(seed), accept_all)
        trees = list(proposal.genome.values())
        assert max(tree.size for tree in trees) <= size
        expression = str(max(trees, key=len))


def clones() -> History:
    """Losses a to d, of which a, the best, stands there four times, once shortest."""
    history = History()
    for number, (mark, expression, score) in enumerate(
        [
            ('a', 'abs(p - y) + 1', 9.0),
            ('b', 'p * y', 3.0),
            ('a', 'abs(p - y)', 9.0),
            ('c', 'p + y', 2.0),
            ('a', '1 * abs(p - y)', 9.0),
            ('d', 'p / y', 1.0),
            ('a', 'abs(p - y) * (1 + 1)', 9.0),
        ]
    ):
        genome = Genome.from_text(dict.fromkeys(INPUTS, expression))
        history.add(Trial(number, Role.SEARCH, 0, genome, fingerprint=mark))
        history.settle(number, Outcome(State.COMPLETE, score))
    return history


def test_copies_and_twins_crowd_out_the_others_as_published() -> None:
    assert [trial.number for trial in RegularizedEvolution(INPUTS, population=3).alive(clones())] == [4, 5, 6]


def test_of_one_loss_the_shortest_lives_where_individuals_are_distinct() -> None:
    strategy = RegularizedEvolution(INPUTS, initial=1, distinct=True, tournament=1.0, fresh_rate=0.0)
    assert [trial.number for trial in strategy.alive(clones())] == [1, 2, 3, 5]
    assert {proposal.parent for proposal in propose(strategy, clones(), 20)} == {2}


def test_a_child_may_be_several_mutations_away() -> None:
    strategy = RegularizedEvolution(INPUTS, initial=1, copy_rate=0.0, fresh_rate=0.0, vary='one', mutations=3)
    origins = [proposal.origin for proposal in propose(strategy, make_history(9), 200)]
    counts = Counter(origin.count('+') + 1 for origin in origins)
    assert set(counts) == {1, 2, 3} and min(counts.values()) > 40
    with pytest.raises(SetupError, match='mutations must be at least 1, but got 0'):
        RegularizedEvolution(INPUTS, mutations=0)
