"""Operators by the scores of the losses with them and by how seldom they were tried."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable

import pytest
import torch

from mmautoloss.errors import SetupError
from mmautoloss.expr import DRAWN, Genome, Primitive, parse, register_primitive
from mmautoloss.strategy import RegularizedEvolution
from mmautoloss.strategy.priority import MAX_ALPHA, OperatorPriority
from mmautoloss.testing.strategy_suite import INPUTS, accept_all, make_history
from mmautoloss.trial import History, Outcome, Role, State, Trial
from tests.tables import same_tables

__all__ = ['same_tables']

NOT_FINITE = Outcome(State.FAILED, reason='not finite: a loss')


def history_of(*losses: tuple[str, float | Outcome], score: Callable[[float], float] = float) -> History:
    """Settled candidates of one branch, by expression, with a score or an outcome."""
    history = History()
    for number, (expression, outcome) in enumerate(losses):
        history.add(Trial(number, Role.SEARCH, 0, Genome({'cls': parse(expression)}), fingerprint=expression))
        settled = outcome if isinstance(outcome, Outcome) else Outcome(State.COMPLETE, score(outcome))
        history.settle(number, settled)
    return history


def weights(history: History, alpha: float = 0.5, branch: str = 'cls') -> dict[str, float]:
    return OperatorPriority(alpha).weights(branch, history)


def shares(history: History, alpha: float, branch: str = 'cls') -> dict[str, float]:
    found = weights(history, alpha, branch)
    return {name: each / sum(found.values()) for name, each in found.items()}


def test_three_losses_by_hand() -> None:
    """Ranks 1, 0 and 1/2; an operator counts once a loss, however often it stands there."""
    history = history_of(('abs(p - y)', 0.9), ('log(log(p))', 0.1), ('abs(p) + 1', 0.5))
    found, spread = weights(history, 0.3), 2 * math.log(4)
    assert found['abs'] == pytest.approx(math.exp((1 + 0.5 + 0.5) / 3 + 0.3 * math.sqrt(spread / 3)))
    assert found['log'] == pytest.approx(math.exp((0 + 0.5) / 2 + 0.3 * math.sqrt(spread / 2)))
    assert found['neg'] == pytest.approx(math.exp((1 + 0.5) / 2 + 0.3 * math.sqrt(spread / 2)))
    assert found['exp'] == pytest.approx(math.exp(0.5 + 0.3 * math.sqrt(spread)))
    assert list(found) == DRAWN


@pytest.mark.parametrize('branch', INPUTS)
@pytest.mark.parametrize('length', [1, 7, 40])
def test_weights_are_the_formula(branch: str, length: int) -> None:
    """Against loops over operators and pairs of trials."""
    history = make_history(length)
    trials = history.population()
    for name, found in weights(history, 0.7, branch).items():
        users = [trial for trial in trials if name in trial.genome[branch].nodes]
        ranks = [
            sum(
                (other.score < trial.score) + (other.score == trial.score) / 2
                for other in trials
                if other is not trial
            )
            / (length - 1)
            if length > 1
            else 0.5
            for trial in users
        ]
        mean = (sum(ranks) + 0.5) / (len(users) + 1)
        bonus = math.sqrt(2 * math.log(length + 1) / (len(users) + 1))
        assert math.log(found) == pytest.approx(mean + 0.7 * bonus)


def test_without_a_candidate_all_are_alike() -> None:
    assert set(weights(make_history(0)).values()) == {math.exp(0.5)}


def test_only_the_order_of_scores_counts() -> None:
    losses = [(str(trial.genome['cls']), trial.score) for trial in make_history(30).population()]
    percent = history_of(*losses, score=lambda score: 100 * score - 7)
    bent = history_of(*losses, score=lambda score: -math.exp(-score))
    assert weights(history_of(*losses)) == weights(percent) == weights(bent)


def test_losses_without_a_score_rank_lowest_if_it_is_their_fault() -> None:
    stopped = Outcome(State.STOPPED, reason='below the bar at the rung', rung=0.3)
    history = history_of(('abs(p)', 0.5), ('exp(p)', stopped), ('log(p)', NOT_FINITE))
    found = weights(history, 0.0)
    assert [math.log(found[name]) * 2 - 0.5 for name in ('abs', 'exp', 'log')] == pytest.approx([1, 0.5, 0])


def test_what_was_not_trained_or_not_by_its_fault_does_not_count() -> None:
    losses = [('abs(p - y)', 0.9), ('p * y', 0.2)]
    others = [
        ('1 * abs(p - y)', Outcome(State.EQUIVALENT, 0.9, reason='trial 0')),
        ('exp(p)', Outcome(State.FAILED, reason='worker died: killed')),
        ('tanh(p)', Outcome(State.FAILED, reason='trial 1')),
    ]
    assert weights(history_of(*losses)) == weights(history_of(*losses, *others))
    history = history_of(*losses)
    history.add(Trial(2, Role.SEARCH, 1, Genome({'cls': parse('p * y')}), repeats=1))
    before = weights(history)
    assert before == weights(history_of(*losses)), 'what runs says nothing yet'
    history.settle(2, Outcome(State.COMPLETE, 5.0))
    assert weights(history)['mul'] > before['mul'] and weights(history)['exp'] == before['exp'], 'the mean is better'


@pytest.mark.parametrize('alpha', [0.0, 0.1, 0.5, 2.0, MAX_ALPHA])
def test_no_operator_is_starved(alpha: float) -> None:
    """One that was never tried is drawn at more than half its uniform share, however good the others are."""
    least = 1 / (1 + (len(DRAWN) - 1) * math.exp(0.5))
    for length in (0, 1, 5, 40, 400):
        history = make_history(length)
        for branch in INPUTS:
            found = shares(history, alpha, branch)
            used = {node for trial in history.population() for node in trial.genome[branch].nodes}
            assert all(found[name] >= least for name in set(DRAWN) - used)
            assert min(found.values()) > 0
    good = history_of(*((f'abs({index} * p - y)', float(index)) for index in range(200)))
    assert shares(good, alpha)['exp'] >= least > 0.5 / len(DRAWN)


def test_of_equally_good_operators_the_rarer_one_is_preferred() -> None:
    history = history_of(*(('abs(p)', 0.5) for _ in range(9)), ('exp(p)', 0.5))
    assert weights(history, 0.5)['exp'] > weights(history, 0.5)['abs']
    assert weights(history, 0.0)['exp'] == pytest.approx(weights(history, 0.0)['abs'])


def grown(strategy: RegularizedEvolution, history: History, count: int) -> Counter[str]:
    """How many expressions have an operator that their parents have not."""
    added: Counter[str] = Counter()
    for seed in range(count):
        proposal = strategy.propose(history, random.Random(seed), accept_all)
        parent = [] if proposal.parent is None else history[proposal.parent].genome['cls'].nodes
        added.update(set(proposal.genome['cls'].nodes) - set(parent))
    return added


GOOD = [(f'abs(p * {index} - y)', 1.0 + index) for index in range(1, 20)]
POOR = [(f'exp(p) + log({index} * y)', -float(index)) for index in range(1, 20)]


@pytest.mark.parametrize(
    'settings',
    [
        pytest.param({'initial': 100}, id='random'),
        pytest.param({'initial': 1, 'fresh_rate': 1.0, 'copy_rate': 0.0, 'tournament': 1.0}, id='fresh'),
        pytest.param({'initial': 1, 'fresh_rate': 0.0, 'copy_rate': 0.0, 'tournament': 1.0}, id='mutated'),
    ],
)
def test_good_operators_are_drawn_more(settings: dict) -> None:
    """Parents are ``tanh(p)``, which has neither the good nor the poor operators."""
    history = history_of(*GOOD, *POOR, ('tanh(p)', 99.0))
    inputs = {'cls': ('p', 'y')}
    plain = grown(RegularizedEvolution(inputs, **settings), history, 1500)
    found = grown(RegularizedEvolution(inputs, **settings, priority='ucb', alpha=0.1), history, 1500)
    assert plain['abs'] == pytest.approx(plain['exp'], rel=0.35)
    assert found['abs'] > 1.4 * found['exp']
    assert min(found[name] for name in set(DRAWN) - {'tanh'}) > 0


def test_each_branch_has_its_own_priorities() -> None:
    history = History()
    for number, (cls, box) in enumerate([('abs(p)', 'exp(p)'), ('exp(p)', 'abs(p)')]):
        history.add(Trial(number, Role.KNOWN, 0, Genome.from_text({'cls': cls, 'box': box})))
        history.settle(number, Outcome(State.COMPLETE, -float(number)))
    cls, box = (weights(history, branch=branch) for branch in ('cls', 'box'))
    assert cls['abs'] == box['exp'] > cls['exp'] == box['abs']


def test_an_operator_of_a_user_takes_part() -> None:
    register_primitive(Primitive('atan_of', 1, torch.atan, r'\arctan\left({0}\right)'))
    history = history_of(('atan_of(p - y)', 0.9), ('sin(p)', 0.2))
    found = weights(history)
    assert list(found) == DRAWN and found['atan_of'] > found['abs'] and 'sin' not in found
    strategy = RegularizedEvolution({'cls': ('p', 'y')}, initial=9, priority='ucb')
    assert grown(strategy, history, 200)['atan_of'] > 20


@pytest.mark.parametrize(
    ('settings', 'error'),
    [
        ({'priority': 'best'}, "priority must be None or 'ucb', but got 'best'"),
        ({'priority': 'ucb', 'alpha': -1}, 'alpha must not be negative, but got -1'),
        ({'priority': 'ucb', 'alpha': 11.0}, 'alpha must be at most 10.0, but got 11.0'),
        ({'alpha': 'high'}, "alpha must be a number, but got 'high'"),
    ],
)
def test_wrong_settings(settings: dict, error: str) -> None:
    with pytest.raises(SetupError, match=error):
        RegularizedEvolution(INPUTS, **settings)
