"""Examples are importable, in this process and in workers, and leave nothing behind."""

from __future__ import annotations

import pytest

pytest.importorskip('mmengine')

from tests.isolation import ROOT
from tests.tables import same_tables

__all__ = ['same_tables']


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The root of the project is on the path."""
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
