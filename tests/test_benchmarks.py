"""The benchmarks of the driver and of a proxy, at a size at which they only show that they measure what they say."""

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
    for name in ('simulation', 'scaling', 'soak', 'photos', 'plain', 'proxy'):
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
def one_thread() -> Iterator[None]:
    """As the benchmark has it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.usefixtures('one_thread')
def test_cost_of_a_proxy_is_that_of_the_same_training(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('mmdet')
    proxy = load('proxy')
    base = ROOT / 'configs/digits/faster_rcnn_search.py'
    config = str(proxy.write_photos(tmp_path / 'photos', base, train=4, val=2))
    monkeypatch.setattr(proxy, 'time_fresh', lambda *args: 100.0)
    # raises where weights or scores differ
    ratios = proxy.measure(config, None, tmp_path, iterations=2, rounds=1)
    assert 0 < ratios.ratio_cached < 3 and 0 < ratios.ratio_plain < 3 and ratios.ratio_fresh_process > 1


def test_another_training_shows(load) -> None:
    proxy = load('proxy')
    one = proxy.Measured(1.0, 1.0, {'x/mAP': 0.5}, {'w': torch.zeros(2)})
    proxy.require_agreement({'plain': one, 'ours': one})
    for other in (one._replace(metrics={'x/mAP': 0.6}), one._replace(state={'w': torch.ones(2)})):
        with pytest.raises(RuntimeError, match='ours differs from the plain Runner'):
            proxy.require_agreement({'plain': one, 'ours': other})
    assert proxy.over([one._replace(seconds=seconds) for seconds in (1.0, 3.0, 2.0)], [one] * 3) == 2.0
