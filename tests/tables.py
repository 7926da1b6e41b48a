"""The tables to which modules of users add, as they were after a test."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def same_tables() -> Iterator[None]:
    """Undoes what a module registers; a later import of an example registers again."""
    from mmautoloss.execute import EXECUTORS
    from mmautoloss.expr import DRAWN, PRIMITIVES, primitives
    from mmautoloss.expr.masked import MASKED
    from mmautoloss.losses import INPUT_KINDS
    from mmautoloss.screen import PROBE_METRICS
    from mmautoloss.strategy import STRATEGIES

    tables = (PRIMITIVES, primitives.ARITY, MASKED, INPUT_KINDS, PROBE_METRICS, STRATEGIES, EXECUTORS)
    drawn, before = list(DRAWN), [dict(table) for table in tables]
    yield
    DRAWN[:] = drawn
    for table, entries in zip(tables, before, strict=True):
        table.clear()
        table.update(entries)
    for name in [name for name in sys.modules if name.split('.')[0] == 'examples']:
        del sys.modules[name]
