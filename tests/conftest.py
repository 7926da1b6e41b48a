"""What every test needs: MMEngine's process-wide scope as it was before."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def same_default_scope() -> Iterator[None]:
    """A Runner leaves its scope behind, and later tests would look up their modules in it."""
    yield
    registry = sys.modules.get('mmengine.registry')  # not imported here: some tests are about its absence
    if registry is not None:
        registry.DefaultScope._instance_dict.clear()
