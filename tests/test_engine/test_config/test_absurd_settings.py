"""Every number and switch of a search config with absurd values: one sentence that names it, before any work."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from mmengine.config import Config

from mmautoloss.engine import spec_of
from mmautoloss.errors import SetupError
from mmautoloss.execute import ExecuteSettings
from mmautoloss.screen import RejectionTest, ScreenSettings
from mmautoloss.search import Budget, Rung
from mmautoloss.strategy import RegularizedEvolution
from mmautoloss.testing.toy_searches import toy_config

SECTIONS = {
    'budget': Budget(),
    'execute': ExecuteSettings(),
    'screen': RejectionTest(),
    'proxy.rung': Rung(),
    'strategy': RegularizedEvolution({'p': ('p', 'y')}),
}
DEFAULTS: dict[str, Any] = {
    **{f'{section}.{key}': value for section, found in SECTIONS.items() for key, value in vars(found).items()},
    **{f'screen.{key}': value for key, value in vars(ScreenSettings()).items() if key != 'test'},
    'budget.max_seconds': 0.5,
    'execute.threads': 1,
    'seed': 0,
    'proxy.invalid_stop': 1,
}
NO_SETTINGS = {'strategy.inputs'}
NOT_NUMBERS = {
    *(
        'execute.executor',
        'execute.options',
        'execute.ray_address',
        'execute.cache',
        'strategy.vary',
        'strategy.copies',
        'strategy.priority',
    ),
    *('screen.optimizer', 'screen.start', 'screen.balance', 'screen.engine', 'budget.allocation', 'budget.funnel'),
}
NUMBERS = sorted(
    key for key, value in DEFAULTS.items() if isinstance(value, (int, float)) and not isinstance(value, bool)
)
SWITCHES = [*(key for key, value in DEFAULTS.items() if isinstance(value, bool)), 'resume', 'report', 'allow_leak']
MAY_BE_NEGATIVE = {'screen.eta'}  # all that do better than nothing at all
MAY_BE_BROKEN = {key for key in NUMBERS if isinstance(DEFAULTS[key], float)}


@pytest.fixture(scope='module')
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    changes = {'strategy': {'type': 'RegularizedEvolution'}, 'proxy.rung': {'at': 0.5}}
    return toy_config(tmp_path_factory.mktemp('toy'), changes)


def refused(config: Config, name: str, value: Any) -> str:
    """What is said of a setting."""
    cfg = copy.deepcopy(config)
    *parents, key = name.split('.')
    node = cfg.train_cfg
    for parent in parents:
        node = node.setdefault(parent, {})
    node[key] = value
    with pytest.raises(SetupError) as caught:
        spec_of(cfg)
    assert '\n' not in str(caught.value)
    return str(caught.value)


def test_the_tables_have_every_setting() -> None:
    assert {*NUMBERS, *SWITCHES} >= {*DEFAULTS} - NOT_NUMBERS - NO_SETTINGS


@pytest.mark.parametrize('key', NUMBERS)
def test_a_number(config: Config, key: str) -> None:
    absurd = ['3', math.nan, math.inf, True, [1], {'a': 1}]
    absurd += [] if key in MAY_BE_NEGATIVE else [-1]
    absurd += [] if key in MAY_BE_BROKEN else [1.5]
    for value in absurd:
        told = refused(config, key, value)
        assert key.rpartition('.')[2] in told, (value, told)


@pytest.mark.parametrize('key', SWITCHES)
def test_a_switch(config: Config, key: str) -> None:
    for value in ('False', 2, None):
        told = refused(config, key, value)
        assert key.rpartition('.')[2] in told and 'True or False' in told


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('strategy.max_nodes', 401),
        ('strategy.depth', 21),
        ('seed', 2**32),
        ('seed', 2**32 - 1),
        ('screen.early', 1e999),
    ],
)
def test_too_large(config: Config, key: str, value: float) -> None:
    assert key.rpartition('.')[2] in refused(config, key, value)


@pytest.mark.parametrize(
    'key', ['strategy', 'screen', 'budget', 'execute', 'describe', 'proxy', 'proxy.schedule', 'proxy.rung', 'options']
)
def test_a_section(config: Config, key: str) -> None:
    for value in (3, 'all', [1, 2], True):
        told = refused(config, key, value)
        assert key.rpartition('.')[2] in told and 'dict' in told, told


@pytest.mark.parametrize(
    'key', ['rule', 'aux', 'base_config', 'metric', 'branches', 'seeds', 'results', 'describe.set']
)
def test_a_text(config: Config, key: str) -> None:
    for value in (3, {'a': 1}, True):
        told = refused(config, key, value)
        assert key.removesuffix('es').removesuffix('s') in told or 'Losses of this model' in told, told


def test_a_misspelt_key_of_describe(config: Config) -> None:
    assert 'describe has no setting netwrok' in refused(config, 'describe', {'netwrok': 'r18'})
