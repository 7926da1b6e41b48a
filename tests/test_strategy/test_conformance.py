"""The strategies keep the contract."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mmautoloss.errors import SetupError
from mmautoloss.strategy import (
    CMAES,
    STRATEGIES,
    RandomSearch,
    RegularizedEvolution,
    Reinforce,
    Strategy,
    build_strategy,
)
from mmautoloss.testing.strategy_suite import INPUTS, StrategySuite

Inputs = Mapping[str, tuple[str, ...]]


class TestRandomSearch(StrategySuite):
    def build(self, inputs: Inputs) -> Strategy:
        return RandomSearch(inputs)


class TestEvolutionOfAllBranches(StrategySuite):
    def build(self, inputs: Inputs) -> Strategy:
        return RegularizedEvolution(inputs)


class TestEvolutionOfOneBranch(StrategySuite):
    def build(self, inputs: Inputs) -> Strategy:
        return RegularizedEvolution(inputs, initial=2, vary='one', population=10)


class TestEvolutionThatMeasuresAgain(StrategySuite):
    def build(self, inputs: Inputs) -> Strategy:
        return RegularizedEvolution(inputs, initial=2, copy_rate=0.5, fresh_rate=0.2, copies='measure')


class TestEvolutionByPriority(StrategySuite):
    def build(self, inputs: Inputs) -> Strategy:
        return RegularizedEvolution(inputs, initial=2, mutations=3, priority='ucb')


def test_every_strategy_is_in_the_table() -> None:
    assert {
        'RandomSearch': RandomSearch,
        'RegularizedEvolution': RegularizedEvolution,
        'CMAES': CMAES,
        'Reinforce': Reinforce,
    } == STRATEGIES


def test_building_from_a_config() -> None:
    config = {'type': 'RegularizedEvolution', 'initial': 7, 'vary': 'one'}
    strategy = build_strategy(config, INPUTS)
    assert isinstance(strategy, RegularizedEvolution)
    assert (strategy.initial, strategy.vary, strategy.population) == (7, 'one', 2500)
    assert config['type'] == 'RegularizedEvolution', 'the config is left as it was'


WRONG = [
    pytest.param({'type': 'Annealing'}, 'one of RegularizedEvolution, RandomSearch', id='type'),
    pytest.param({}, 'but got None', id='no type'),
    pytest.param({'type': 'RandomSearch', 'initial': 3}, 'initial', id='unknown setting'),
    pytest.param({'type': 'RandomSearch', 'depth': 0}, 'depth must be at least 1', id='depth'),
    pytest.param({'type': 'RegularizedEvolution', 'initial': 0}, 'got 0 and 2500', id='initial'),
    pytest.param({'type': 'RegularizedEvolution', 'population': 0}, '20 and 0', id='population'),
    pytest.param({'type': 'RegularizedEvolution', 'population': 1.5}, 'population must be a whole', id='fraction'),
    pytest.param({'type': 'RegularizedEvolution', 'population': -0.5}, 'population must be a whole', id='share'),
    pytest.param({'type': 'RegularizedEvolution', 'tournament': 0}, 'share in', id='tournament 0'),
    pytest.param({'type': 'RegularizedEvolution', 'tournament': 5}, 'got 5', id='tournament 5'),
    pytest.param({'type': 'RegularizedEvolution', 'copy_rate': 0.6}, '0.6 and 0.5', id='rates'),
    pytest.param({'type': 'RegularizedEvolution', 'fresh_rate': -0.1}, '-0.1', id='negative'),
    pytest.param({'type': 'RegularizedEvolution', 'number_rate': 1.5}, 'at most 1, but got 1.5', id='number_rate'),
    pytest.param({'type': 'RegularizedEvolution', 'shrink': 'no'}, 'shrink must be True or False', id='shrink'),
    pytest.param({'type': 'RegularizedEvolution', 'copies': 'all'}, "reuse, measure, .*'all'", id='copies'),
    pytest.param({'type': 'RegularizedEvolution', 'vary': 'two'}, "one, all, .*'two'", id='vary'),
]


@pytest.mark.parametrize(('config', 'error'), WRONG)
def test_wrong_settings(config: dict, error: str) -> None:
    with pytest.raises(SetupError, match=error):
        build_strategy(config, INPUTS)


def test_a_strategy_of_ones_own_may_pass_its_settings_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(RandomSearch):
        """Takes what ``RandomSearch`` takes."""

        def __init__(self, inputs: Inputs, **settings: int) -> None:
            super().__init__(inputs, **settings)

    monkeypatch.setitem(STRATEGIES, 'Mine', Mine)
    assert build_strategy({'type': 'Mine', 'depth': 2}, INPUTS).depth == 2
    with pytest.raises(SetupError, match=r'strategy Mine: .*unexpected keyword argument'):
        build_strategy({'type': 'Mine', 'dept': 2}, INPUTS)
