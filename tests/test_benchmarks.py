"""The benchmarks, at a size at which they only show that they measure what they say."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

pytest.importorskip('mmengine')

from mmautoloss.trial import Role, read_history
from tests.isolation import ROOT


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Imports a benchmark as Python does that runs it."""
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
    yield importlib.import_module
    for name in ('simulation', 'scaling', 'soak', 'loss_cases', 'loss_cost'):
        sys.modules.pop(name, None)


def test_simulated_workers_wait_for_the_driver_alone(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scaling = load('scaling')
    monkeypatch.setattr(scaling, 'WORKERS', 8)
    busy, milliseconds = scaling.simulate(tmp_path, trials=60)
    assert 0.9 < busy <= 1.0 and 0 < milliseconds < 1000
    _, history = read_history(tmp_path / 'journal.jsonl')
    assert history.n_proxies() == 60 and len(history.of_role(Role.FINALIST)) == 6


def test_a_slow_driver_shows(load, tmp_path: Path) -> None:
    """Workers that take a millisecond are mostly idle."""
    simulation = load('simulation')
    executor = simulation.ChargedExecutor(simulation.made_up, lambda trial: 0.001, slots=8)
    simulation.search(tmp_path / 'journal.jsonl', executor, 60)
    assert executor.busy / (8 * executor.span) < 0.9


def test_growth_and_reading_are_measured(load, tmp_path: Path) -> None:
    soak = load('soak')
    grown = soak.soak_driver(tmp_path, 200)
    assert grown.managed == 0 and grown.threads <= 0
    assert soak.time_journal(tmp_path, 300) > 0
    assert soak.soak_proxies(soak.toy(tmp_path), 20).managed == 0


@pytest.fixture
def loss_cost(load, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark of losses, with torch's compiler out of the way: it is tested where it is used."""
    for name in ('mmdet', 'mmseg', 'mmpose'):
        pytest.importorskip(f'{name}.models.losses', exc_type=ImportError)
    monkeypatch.setattr(torch, 'compile', lambda function, **options: function)
    return load('loss_cost')


def test_formulas_are_the_losses_that_they_are_timed_against(loss_cost) -> None:
    """Values and gradients are compared, and all six losses have a row."""
    torch.manual_seed(0)
    rows = [loss_cost.measure(case(torch.device('cpu'), scale=8), seconds=0) for case in loss_cost.CASES]
    assert {row.loss for row in rows} == {'ce', 'bce', 'l1', 'giou', 'dice', 'mse'}
    assert all(row.eager > 0 and row.compiled > 0 and row.memory >= 0 for row in rows)


def test_another_loss_is_refused(loss_cost) -> None:
    case = loss_cost.CASES[1](torch.device('cpu'), scale=8)._replace(settings={'loss_weight': 1.01})
    with pytest.raises(AssertionError, match='ce, 64 RoIs x 81, eager: the value differs from the library by'):
        loss_cost.measure(case, seconds=0)


def test_the_memory_of_a_loss_is_what_it_keeps(loss_cost) -> None:
    """Of p * y * y the prediction is an argument; y is kept, and a product that depends on p."""
    case = loss_cost.CASES[1](torch.device('cpu'), scale=8)
    factor = torch.ones_like(case.pred)
    kept = factor.numel() * factor.element_size()
    assert loss_cost.needed(lambda pred: (pred * factor).sum(), case) == kept
    assert loss_cost.needed(lambda pred: (pred * factor).exp().sum(), case) == 2 * kept
