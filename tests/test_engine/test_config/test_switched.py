"""A hook that exchanges a loss late would undo what a search or ``apply`` puts in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmengine')

import mmautoloss
from mmautoloss.cli.apply import run as apply
from mmautoloss.engine import spec_of
from mmautoloss.errors import SetupError
from mmautoloss.testing.toy_searches import toy_config


def hooks(path: str = 'head.loss_cls') -> list[dict[str, Any]]:
    return [{'type': 'mmautoloss.LossSwitchHook', 'at': 0.5, 'losses': {path: {'type': 'ToyCrossEntropy'}}}]


def test_search(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r'LossSwitchHook in custom_hooks exchanges the loss at head\.loss_cls'):
        spec_of(toy_config(tmp_path, base={'custom_hooks': hooks()}))
    alone = {'branches': {'box': {'path': 'head.loss_box', 'inputs': 'delta'}}, 'seeds': []}
    assert spec_of(toy_config(tmp_path, alone, {'custom_hooks': hooks()})).branches, 'another loss may be searched'


def test_hooks_among_the_default_ones_count_as_well(tmp_path: Path) -> None:
    """They train candidates, too."""
    for name, hook in (('switch', hooks()[0]), ('weights', {'type': 'mmautoloss.LossWeightScheduleHook', **SCHEDULE})):
        with pytest.raises(
            SetupError, match=r'Hook in default_hooks (exchanges|sets the loss_weight of) the loss at head'
        ):
            spec_of(toy_config(tmp_path / name, base={f'default_hooks.{name}': hook}))
        alone = {'branches': {'box': {'path': 'head.loss_box', 'inputs': 'delta'}}, 'seeds': []}
        assert spec_of(toy_config(tmp_path / name, alone, {f'default_hooks.{name}': hook})).branches


SCHEDULE: dict[str, Any] = {'weights': {'head.loss_cls': [(0, 1.0), (0.5, 0.0)]}}
WEIGHING: dict[str, dict[str, Any]] = {
    'LossWeightScheduleHook': SCHEDULE,
    'AuxiliaryScheduleHook': {'groups': {'main': ['head.loss_cls'], 'aux': ['neck']}},
}


@pytest.mark.parametrize('name', WEIGHING)
def test_weights_that_a_hook_sets(tmp_path: Path, name: str) -> None:
    """A candidate would be trained with the weight of the hook in place of its own."""
    of_hook = {'custom_hooks': [{'type': f'mmautoloss.{name}', **WEIGHING[name]}]}
    with pytest.raises(
        SetupError, match=rf'{name} in custom_hooks sets the loss_weight of the loss at head\.loss_cls'
    ):
        spec_of(toy_config(tmp_path, base=of_hook))
    alone = {'branches': {'box': {'path': 'head.loss_box', 'inputs': 'delta'}}, 'seeds': []}
    assert spec_of(toy_config(tmp_path, alone, of_hook)).branches, 'another loss may be searched'


def test_evaluate(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path, base={'custom_hooks': hooks(), 'train_cfg.max_iters': 4})
    del cfg
    path = tmp_path / 'toy.py'
    with pytest.raises(SetupError, match='take the hook out'):
        mmautoloss.evaluate(path, {'head.loss_cls': 'ce'})
    assert mmautoloss.evaluate(path, {'head.loss_box': 'mse'}).ok
    assert mmautoloss.evaluate(path).ok, 'as the config says'


def test_apply(tmp_path: Path) -> None:
    import argparse

    toy_config(tmp_path, base={'custom_hooks': hooks()})
    fields = {
        'base': str(tmp_path / 'toy.py'),
        'out': str(tmp_path / 'out.py'),
        'trial': None,
        'map': [],
        'hold': False,
    }
    with pytest.raises(SetupError, match='take the hook out'):
        apply(argparse.Namespace(**fields, result=['head_cls=ce'], switch=None))
    assert apply(argparse.Namespace(**fields, result=['head_box=mse'], switch=None)) == 0
