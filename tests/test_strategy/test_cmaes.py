"""CMA-ES over the numbers of formulas."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from cmaes import CMA

from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome, Template
from mmautoloss.losses import input_kind
from mmautoloss.strategy import CMAES, Drawn, Strategy, build_strategy
from mmautoloss.strategy.generations import Generations
from mmautoloss.strategy.joint_numbers import JointNumbers, read_templates
from mmautoloss.testing.strategy_suite import INPUTS, StrategySuite, accept_all
from mmautoloss.trial import SAME, History, Outcome, Role, State, Trial

KINDS = {'cls': input_kind('softmax'), 'iou': input_kind('area'), 'box': input_kind('delta')}
FAMILY = {'cls': 'taylor', 'iou': '1 - i / u + {a=1} * (e - u) / e', 'box': '{b=0.5} * abs(p - y) + (p - y) ** 2'}
Score = Callable[[Mapping[str, tuple[float, ...]]], float | None]


class TestCMAES(StrategySuite):
    def build(self, inputs: Mapping[str, tuple[str, ...]]) -> Strategy:
        return CMAES(inputs, FAMILY).for_kinds(KINDS)


class TestThatAdaptsToNoise(StrategySuite):
    def build(self, inputs: Mapping[str, tuple[str, ...]]) -> Strategy:
        return CMAES(inputs, {**FAMILY, 'cls': 'piecewise'}, lr_adapt=True, population=6).for_kinds(KINDS)


def one_branch(text: str, kind: str = 'delta', **settings: object) -> CMAES:
    return CMAES({'box': input_kind(kind).names}, text, **settings).for_kinds({'box': input_kind(kind)})


def outcome_of(score: float | None) -> Outcome:
    return Outcome(State.FAILED, reason='not finite: loss') if score is None else Outcome(State.COMPLETE, score)


def begun() -> History:
    history = History()
    history.add(Trial(0, Role.BASELINE, seed=0))
    history.settle(0, Outcome(State.COMPLETE, 0.0))
    return history


def search(strategy: CMAES, score: Score, trials: int, slots: int = 1, seed: int = 0) -> History:
    """A search in which candidates settle in another order than they began, if there are several slots."""
    history, order = begun(), random.Random(seed)
    for _ in range(trials):
        while len(history.running()) < slots:
            number = len(history)
            genome = strategy.propose(history, random.Random(f'{seed}/{number}'), accept_all).genome
            history.add(Trial(number, Role.SEARCH, seed=0, genome=genome))
        trial = order.choice(history.running())
        assert strategy.numbers is not None
        values = {name: t.read(trial.genome[name]) for name, t in strategy.numbers.templates.items()}
        history.settle(trial.number, outcome_of(score(values)))
    return history


def best_values(strategy: CMAES, history: History) -> tuple[float, ...]:
    best = max(history.population(), key=lambda trial: trial.required_score)
    return strategy.numbers.templates['box'].read(best.genome['box'])


THREE = '{a=1} * abs(p - y) + {b=0} * (p - y) ** 2 + {c=-2} * y * p'


def bowl(values: Mapping[str, tuple[float, ...]]) -> float:
    """Highest at (2, -1, -3), with axes of different lengths that are not those of the numbers."""
    a, b, c = values['box']
    u, v, w = a - 2, b + 1, c + 3
    return -((u + v) ** 2 + 10 * (u - v) ** 2 + 0.3 * (w - u) ** 2)


@pytest.mark.parametrize('slots', [1, 3])
def test_it_finds_the_top_of_a_bowl(slots: int) -> None:
    strategy = one_branch(THREE)
    found = best_values(strategy, search(strategy, bowl, 180, slots))
    assert found == pytest.approx((2, -1, -3), abs=0.15)


def test_only_ranks_count() -> None:
    strategy = one_branch(THREE)
    plain = search(strategy, bowl, 60)
    stretched = search(strategy, lambda values: 7 - math.exp(-bowl(values) / 10), 60)
    assert [trial.genome for trial in plain] == [trial.genome for trial in stretched]


def test_one_number_in_a_range_is_enough() -> None:
    strategy = one_branch('abs(p - y) + {a=0.5, 0.25..0.75} * (p - y) ** 2')
    history = search(strategy, lambda values: -abs(values['box'][0] - 5), 60)
    values = [strategy.numbers.templates['box'].read(trial.genome['box'])[0] for trial in history if trial.genome]
    assert all(0.25 <= value <= 0.75 for value in values)
    assert min(values[-8:]) > 0.7, 'it goes to the end that is nearer to the best'


def test_learning_rates_that_adapt_to_noise() -> None:
    strategy, noise = one_branch('abs(p - y) + {a=1} * y * p', lr_adapt=True, sigma=0.5), random.Random(1)
    history = search(strategy, lambda values: noise.gauss(0, 0.01) - abs(values['box'][0] - 1.5), 60)
    last = [strategy.numbers.templates['box'].read(trial.genome['box'])[0] for trial in list(history)[-20:]]
    assert sum(last) / 20 == pytest.approx(1.5, abs=0.2)


def test_failures_count_as_worst() -> None:
    strategy = one_branch(THREE)
    found = best_values(strategy, search(strategy, lambda v: None if v['box'][0] < 1 else bowl(v), 180))
    assert found == pytest.approx((2, -1, -3), abs=0.3)


def test_the_order_of_candidates() -> None:
    """Scores, then those stopped at the rung by what they had there, then failures."""
    strategy, history = one_branch(THREE, population=5), begun()
    outcomes = [
        outcome_of(None),
        Outcome(State.STOPPED, rung=0.1),
        Outcome(State.COMPLETE, -5.0),
        Outcome(State.STOPPED, rung=0.9),
        Outcome(State.COMPLETE, 0.3),
    ]
    genomes = []
    for number, outcome in enumerate(outcomes, 1):
        genomes.append(strategy.propose(history, random.Random(number), accept_all).genome)
        history.add(Trial(number, Role.SEARCH, seed=0, genome=genomes[-1]))
        history.settle(number, outcome)
    told = CMA(np.zeros(3), 0.3, population_size=5, seed=9)
    ranks = {4: 0, 2: 1, 3: 2, 1: 3, 0: 4}
    told.tell([(np.array(strategy.numbers.read(genomes[place])), rank) for place, rank in ranks.items()])
    folded, count = Generations(strategy.numbers, 0.3, 5, False).fold(history, 9)
    assert count == 1
    np.testing.assert_array_equal(folded.ask(), told.ask())


def test_several_seeds_count_by_their_estimate() -> None:
    """A candidate that disappoints with its next seed falls behind, also in a generation that is over."""
    strategy, history = one_branch(THREE, population=4), begun()
    for number, score in enumerate([0.5, 0.6, 0.7, 0.9], 1):
        genome = strategy.propose(history, random.Random(number), accept_all).genome
        history.add(Trial(number, Role.SEARCH, seed=0, genome=genome))
        history.settle(number, Outcome(State.COMPLETE, score))
    before = strategy.propose(history, random.Random(9), accept_all)
    history.add(Trial(5, Role.BASELINE, seed=1, repeats=0))
    history.settle(5, Outcome(State.COMPLETE, 0.0))
    assert strategy.propose(history, random.Random(9), accept_all) == before
    history.add(Trial(6, Role.SEARCH, seed=1, genome=history[4].genome, repeats=4))
    history.settle(6, Outcome(State.COMPLETE, -9.0))
    assert strategy.propose(history, random.Random(9), accept_all) != before


def test_candidates_of_others_are_left_out() -> None:
    strategy = one_branch(THREE)
    history = search(strategy, bowl, 20)
    expected = strategy.propose(history, random.Random(1), accept_all)
    for role, text in ((Role.SEARCH, 'abs(p - y)'), (Role.KNOWN, str(history[3].genome['box']))):
        number = len(history)
        history.add(Trial(number, role, seed=0, genome=Genome.from_text({'box': text})))
        history.settle(number, Outcome(State.COMPLETE, 99.0))
    assert strategy.propose(history, random.Random(1), accept_all) == expected


def test_a_generation_without_a_new_loss_begins_anew_at_the_best() -> None:
    strategy = one_branch(THREE, population=4)
    history = search(strategy, bowl, 40)
    best = max(history.population(), key=lambda trial: trial.required_score)
    narrow = Generations(strategy.numbers, 0.3, 4, False).fold(history, 0)[0]
    for _ in range(4):
        number = len(history)
        genome = strategy.propose(history, random.Random(number), accept_all).genome
        history.add(Trial(number, Role.SEARCH, seed=0, genome=genome))
        history.settle(number, Outcome(State.EQUIVALENT, -1.0, reason=f'{SAME}{best.number}'))
    again = Generations(strategy.numbers, 0.3, 4, False).fold(history, 0)[0]
    assert narrow.generation == 10 and again.generation == 0
    np.testing.assert_allclose(again.mean, strategy.numbers.read(best.genome))


def test_what_a_screen_turns_down_is_drawn_again_for_that_branch_alone() -> None:
    strategy = CMAES(INPUTS, FAMILY).for_kinds(KINDS)

    def draw(branch: str, make: Callable[[], Drawn]) -> Drawn:
        first = make()
        return make() if branch == 'iou' else first

    plain = strategy.propose(History(), random.Random(3), accept_all).genome
    other = strategy.propose(History(), random.Random(3), draw).genome
    assert other['cls'] == plain['cls'] and other['iou'] != plain['iou']
    assert strategy.numbers.templates['box'].read(other['box']) is not None


def test_a_branch_without_numbers_keeps_its_loss() -> None:
    family = {**FAMILY, 'box': 'l1'}
    genome = CMAES(INPUTS, family).for_kinds(KINDS).propose(History(), random.Random(3), accept_all).genome
    assert str(genome['box']) == 'abs(p - y)'


def published_update(
    solutions: np.ndarray, mean: np.ndarray, sigma: float, state: dict[str, np.ndarray], step: int
) -> tuple[np.ndarray, float]:
    """Equations 41 to 47 of Hansen's tutorial with positive and negative weights; ``state`` has C and the paths."""
    size, n = solutions.shape
    raw = np.log((size + 1) / 2) - np.log(np.arange(1, size + 1))
    mu = size // 2
    mu_eff = raw[:mu].sum() ** 2 / (raw[:mu] ** 2).sum()
    mu_eff_minus = raw[mu:].sum() ** 2 / (raw[mu:] ** 2).sum()
    c_sigma = (mu_eff + 2) / (n + mu_eff + 5)
    d_sigma = 1 + 2 * max(0, math.sqrt((mu_eff - 1) / (n + 1)) - 1) + c_sigma
    c_c = (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n)
    c_1 = 2 / ((n + 1.3) ** 2 + mu_eff)
    c_mu = min(1 - c_1, 2 * (mu_eff - 2 + 1 / mu_eff) / ((n + 2) ** 2 + mu_eff))
    least = min(1 + c_1 / c_mu, 1 + 2 * mu_eff_minus / (mu_eff + 2), (1 - c_1 - c_mu) / (n * c_mu))
    weights = np.where(raw >= 0, raw / raw[raw > 0].sum(), least * raw / -raw[raw < 0].sum())
    values, basis = np.linalg.eigh(state['C'])
    inverse_root = basis @ np.diag(values**-0.5) @ basis.T
    y = (solutions - mean) / sigma
    y_w = weights[:mu] @ y[:mu]
    state['s'] = (1 - c_sigma) * state['s'] + math.sqrt(c_sigma * (2 - c_sigma) * mu_eff) * inverse_root @ y_w
    length, usual = np.linalg.norm(state['s']), math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
    is_short = length / math.sqrt(1 - (1 - c_sigma) ** (2 * (step + 1))) < (1.4 + 2 / (n + 1)) * usual
    state['c'] = (1 - c_c) * state['c'] + is_short * math.sqrt(c_c * (2 - c_c) * mu_eff) * y_w
    scaled = np.where(weights >= 0, weights, weights * n / (np.linalg.norm(y @ inverse_root, axis=1) ** 2 + 1e-8))
    keep = 1 + c_1 * (1 - is_short) * c_c * (2 - c_c) - c_1 - c_mu * weights.sum()
    rank_mu = (y.T * scaled) @ y
    state['C'] = keep * state['C'] + c_1 * np.outer(state['c'], state['c']) + c_mu * rank_mu
    return mean + sigma * y_w, sigma * math.exp(c_sigma / d_sigma * (length / usual - 1))


@pytest.mark.parametrize('count', [1, 3])
def test_the_distribution_is_that_of_the_published_equations(count: int) -> None:
    text = THREE if count == 3 else 'abs(p - y) + {a=1} * y * p'
    strategy = one_branch(text, population=6)
    target = np.array([0.7, -0.4, 0.3])[:count]
    history = search(strategy, lambda values: -float(((np.array(values['box']) - target) ** 2).sum()), 36)
    mean, sigma = np.zeros(count), 0.3
    state = {'C': np.eye(count), 's': np.zeros(count), 'c': np.zeros(count)}
    candidates = [trial for trial in history.settled() if trial.role is Role.SEARCH]
    for step in range(6):
        generation = sorted(candidates[6 * step : 6 * step + 6], key=lambda trial: -trial.required_score)
        solutions = np.array([strategy.numbers.read(trial.genome) for trial in generation])
        mean, sigma = published_update(solutions, mean, sigma, state, step + 1)
    folded = Generations(strategy.numbers, 0.3, 6, False).fold(history, 5)[0]
    np.testing.assert_allclose(folded.mean, mean, rtol=1e-9)
    z = np.random.RandomState(5).randn(count)
    drawn = (folded.ask() - folded.mean) / sigma
    # eigenvectors have free signs, so lengths are compared, as C measures them
    assert drawn @ np.linalg.inv(state['C']) @ drawn == pytest.approx(z @ z, rel=1e-6)


def test_the_coordinates_are_changes_in_scales() -> None:
    numbers = JointNumbers({'box': Template.parse('{a=4, 2..6} * p + {b=0} * y + {c=-0.5} * p * y')})
    assert numbers.bounds[0] == (-0.5, 0.5)
    assert str(numbers.fill('box', [0.25, -2, 1])) == '5 * p - 2 * y + 0 * p * y'
    assert numbers.read(Genome({'box': numbers.fill('box', [0.25, -2, -1])})) == [0.25, -2.0, -1.0]


@pytest.mark.parametrize(
    ('settings', 'error'),
    [
        pytest.param({'sigma': 0}, 'sigma must be positive', id='sigma'),
        pytest.param({'population': 3}, 'population must be at least 4', id='population'),
        pytest.param({'lr_adapt': 'yes'}, 'lr_adapt must be True or False', id='lr_adapt'),
        pytest.param({'family': 'taylor'}, "branch 'iou': The family 'taylor' is for probabilities", id='kind'),
        pytest.param({'family': {'cls': 'taylor'}}, 'one for each branch .cls, iou, box', id='branches'),
        pytest.param({'family': 3}, 'one for each branch', id='type'),
        pytest.param({'family': {**FAMILY, 'box': 3}}, "branch 'box': .*must be text", id='no text'),
        pytest.param({'family': {**FAMILY, 'box': '{a} * z'}}, "branch 'box': Unknown input 'z'", id='input'),
        pytest.param({'family': {**FAMILY, 'box': 'ce'}}, "branch 'box': The known losses for", id='known loss'),
        pytest.param(
            {'family': {'cls': 'ce', 'iou': 'iou', 'box': 'l1'}}, 'no number to tune in cls: -y', id='no number'
        ),
        pytest.param({'order': 0}, 'order must be at least 1', id='order'),
    ],
)
def test_wrong_settings(settings: dict, error: str) -> None:
    with pytest.raises(SetupError, match=error):
        build_strategy({'type': 'CMAES', 'family': FAMILY, **settings}, INPUTS, KINDS)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmautoloss.strategy.evolution_strategy.find_spec', lambda name: None)
    with pytest.raises(SetupError, match='pip install cmaes'):
        CMAES(INPUTS, FAMILY).for_kinds(KINDS)


def test_formulas_must_be_read_first() -> None:
    with pytest.raises(SetupError, match='see for_kinds'):
        CMAES(INPUTS, FAMILY).propose(History(), random.Random(0), accept_all)


def test_known_losses_and_sums_of_them_are_families_of_their_numbers() -> None:
    numbers = read_templates({'cls': 'ce + 0.5 * mse', 'iou': 'giou', 'box': 'l1'}, KINDS, 4, 6)
    assert str(numbers.templates['cls']) == '-y * log(p) + {a1=0.5} * (p - y) ** 2'
    assert numbers.size == 3
