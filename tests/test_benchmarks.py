"""The benchmarks of the driver, at a size at which they only show that they measure what they say."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip('mmengine')

from mmautoloss.trial import Role, read_history
from tests.isolation import ROOT


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Imports a benchmark as Python does that runs it."""
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
    yield importlib.import_module
    for name in ('simulation', 'scaling', 'soak'):
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
