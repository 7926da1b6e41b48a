"""The tables of the package, as they were, after each test that adds to them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

pytest.importorskip('mmengine')

from mmautoloss.execute import EXECUTORS
from mmautoloss.expr import DRAWN, PRIMITIVES, primitives
from mmautoloss.expr.masked import MASKED
from mmautoloss.losses import INPUT_KINDS
from mmautoloss.screen import PROBE_METRICS
from mmautoloss.strategy import STRATEGIES
from tests.isolation import ROOT

TABLES = (PRIMITIVES, primitives.ARITY, MASKED, INPUT_KINDS, PROBE_METRICS, STRATEGIES, EXECUTORS)


@pytest.fixture(autouse=True)
def same_tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undoes what a module registers; a later import of it registers again."""
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setenv('PYTHONPATH', str(ROOT))  # for workers
    drawn, tables = list(DRAWN), [dict(table) for table in TABLES]
    yield
    DRAWN[:] = drawn
    for table, before in zip(TABLES, tables, strict=True):
        table.clear()
        table.update(before)
    for name in [name for name in sys.modules if name.split('.')[0] == 'examples']:
        del sys.modules[name]
