"""REINFORCE over the numbers of formulas."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch

from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.losses import input_kind
from mmautoloss.strategy import Reinforce, Strategy, build_strategy
from mmautoloss.strategy.policy_mean import PolicyMean, rewards_of
from mmautoloss.testing.strategy_suite import INPUTS, StrategySuite, accept_all
from mmautoloss.trial import History, Outcome, Role, State, Trial

KINDS = {'cls': input_kind('softmax'), 'iou': input_kind('area'), 'box': input_kind('delta')}
FAMILY = {'cls': 'piecewise', 'iou': '1 - i / u + {a=1} * (e - u) / e', 'box': '{b=0.5} * abs(p - y) + (p - y) ** 2'}
THREE = '{a=1} * abs(p - y) + {b=0} * (p - y) ** 2 + {c=-2} * y * p'
Score = Callable[[np.ndarray], float | None]


class TestReinforce(StrategySuite):
    def build(self, inputs: Mapping[str, tuple[str, ...]]) -> Strategy:
        return Reinforce(inputs, FAMILY).for_kinds(KINDS)


class TestPlainSteps(StrategySuite):
    def build(self, inputs: Mapping[str, tuple[str, ...]]) -> Strategy:
        return Reinforce(inputs, {**FAMILY, 'cls': 'taylor'}, optimizer='sgd', samples=4).for_kinds(KINDS)


def one_branch(text: str = THREE, kind: str = 'delta', **settings: object) -> Reinforce:
    return Reinforce({'box': input_kind(kind).names}, text, **settings).for_kinds({'box': input_kind(kind)})


def search(strategy: Reinforce, score: Score, trials: int, slots: int = 1) -> History:
    """A search in which candidates settle in another order than they began, if there are several slots."""
    history, order = History(), random.Random(0)
    for _ in range(trials):
        while len(history.running()) < slots:
            number = len(history)
            genome = strategy.propose(history, random.Random(f'0/{number}'), accept_all).genome
            history.add(Trial(number, Role.SEARCH, seed=0, genome=genome))
        trial = order.choice(history.running())
        value = score(np.array(strategy.numbers.read(trial.genome)))
        failed = Outcome(State.FAILED, reason='not finite: loss')
        history.settle(trial.number, failed if value is None else Outcome(State.COMPLETE, value))
    return history


def policy(strategy: Reinforce) -> PolicyMean:
    return PolicyMean(strategy.numbers, strategy.sigma, strategy.lr, strategy.samples, strategy.optimizer)


def bowl(x: np.ndarray) -> float:
    return -float(((x - np.array([0.6, -0.4, 0.3])) ** 2).sum())


@pytest.mark.parametrize('optimizer', ['adam', 'sgd'])
def test_the_steps_are_those_of_autograd(optimizer: str) -> None:
    """The gradient of the log-likelihood, weighted by standardised rewards, in torch's optimisers."""
    strategy = one_branch(samples=5, sigma=0.3, lr=0.07, optimizer=optimizer)
    history = search(strategy, lambda x: None if x[0] > 0.3 else bowl(x), 33)
    mean = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    kinds = {'adam': torch.optim.Adam, 'sgd': torch.optim.SGD}
    steps, expected = kinds[optimizer]([mean], lr=0.07), [mean.detach().clone()]
    settled = history.settled()
    for begin in range(0, 30, 5):
        vectors = torch.tensor([strategy.numbers.read(t.genome) for t in settled[begin : begin + 5]]).double()
        scores = [t.score for t in settled[begin : begin + 5]]
        least = min(score for score in scores if score is not None)
        rewards = torch.tensor([least if score is None else score for score in scores], dtype=torch.float64)
        rewards = (rewards - rewards.mean()) / rewards.std(unbiased=False)
        steps.zero_grad()
        log_likelihood = torch.distributions.Normal(mean, 0.3).log_prob(vectors).sum(1)
        (-(rewards * log_likelihood).mean()).backward()
        steps.step()
        expected.append(mean.detach().clone())
    np.testing.assert_allclose(policy(strategy).fold(history), torch.stack(expected).numpy(), rtol=1e-5, atol=1e-7)
    conclusion = strategy.numbers.read(strategy.conclude(history))
    np.testing.assert_allclose(conclusion, torch.stack(expected[-2:]).mean(0).numpy(), atol=1e-3)  # four digits


@pytest.mark.parametrize('slots', [1, 3])
@pytest.mark.parametrize('optimizer', ['adam', 'sgd'])
def test_it_goes_to_the_top_of_a_bowl(optimizer: str, slots: int) -> None:
    lr = {'adam': 0.05, 'sgd': 0.01}[optimizer]
    strategy = one_branch(optimizer=optimizer, lr=lr)
    history = search(strategy, bowl, 35 * 8, slots)
    found = policy(strategy).last_third(history)
    np.testing.assert_allclose(found, [0.6, -0.4, 0.3], atol=0.1)


def test_only_differences_in_spreads_count() -> None:
    """So the scores of a generation need not be those of the same training as those of another."""
    strategy = one_branch(samples=4)
    plain = search(strategy, bowl, 24)
    shifted = search(strategy, lambda x: 50 + 9 * bowl(x), 24)
    assert [trial.genome for trial in plain] == [trial.genome for trial in shifted]


def test_the_mean_stays_in_the_ranges() -> None:
    strategy = one_branch('abs(p - y) + {a=0.5, 0.25..0.75} * (p - y) ** 2')
    history = search(strategy, lambda x: float(x[0]), 20 * 8)
    assert policy(strategy).fold(history)[-1] == pytest.approx([0.5], abs=0.05), 'the end of the range, in scales'
    assert 'abs(p - y) + 0.7' in str(strategy.conclude(history)['box'])


def test_a_generation_without_differences_moves_nothing() -> None:
    strategy = one_branch(samples=4)
    assert not np.any(policy(strategy).fold(search(strategy, lambda x: 0.5, 8)))
    assert not np.any(policy(strategy).fold(search(strategy, lambda x: None, 8)))
    # the mean of three times 0.1, rounded, is not 0.1
    three = one_branch(samples=3)
    assert not np.any(policy(three).fold(search(three, lambda x: 0.1, 6)))
    failed = [Trial(0, Role.SEARCH, 0).settle(Outcome(State.FAILED))]
    assert rewards_of(failed, History()).tolist() == [0.0]


def test_candidates_of_others_are_left_out() -> None:
    strategy = one_branch(samples=4)
    history = search(strategy, bowl, 8)
    expected = strategy.propose(history, random.Random(1), accept_all)
    assert expected.origin == 'generation 3'
    for role, text in ((Role.SEARCH, 'abs(p - y)'), (Role.KNOWN, str(history[3].genome['box']))):
        number = len(history)
        history.add(Trial(number, role, seed=0, genome=Genome.from_text({'box': text})))
        history.settle(number, Outcome(State.COMPLETE, 99.0))
    assert strategy.propose(history, random.Random(1), accept_all) == expected


def test_before_the_first_generation_it_concludes_where_it_begins() -> None:
    assert str(one_branch('abs(p - y) + {a=0.5} * y * p').conclude(History())['box']) == 'abs(p - y) + 0.5 * y * p'


@pytest.mark.parametrize(
    ('settings', 'error'),
    [
        pytest.param({'sigma': 0}, 'sigma must be positive', id='sigma'),
        pytest.param({'lr': -1}, 'lr must not be negative', id='lr'),
        pytest.param({'samples': 1}, 'samples must be at least 2', id='samples'),
        pytest.param({'optimizer': 'lamb'}, "one of adam, sgd, but got 'lamb'", id='optimizer'),
        pytest.param({'family': 'taylor'}, "branch 'iou': The family 'taylor' is for probabilities", id='kind'),
    ],
)
def test_wrong_settings(settings: dict, error: str) -> None:
    with pytest.raises(SetupError, match=error):
        build_strategy({'type': 'Reinforce', 'family': FAMILY, **settings}, INPUTS, KINDS)


def test_formulas_must_be_read_first() -> None:
    with pytest.raises(SetupError, match='see for_kinds'):
        Reinforce(INPUTS, FAMILY).propose(History(), random.Random(0), accept_all)
