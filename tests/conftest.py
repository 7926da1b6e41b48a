"""What tests share: MMEngine's process-wide scope as it was before, benchmarks as modules, an order for processes."""

from __future__ import annotations

import gc
import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace

import pytest

from tests.isolation import ROOT


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where processes share the files of tests, slow files come first, so that none works alone at the end."""
    if hasattr(config, 'workerinput'):
        count = Counter(item.path for item in items)
        slow = {item.path for item in items if item.get_closest_marker('slow')}
        items.sort(key=lambda item: (item.path not in slow, -count[item.path], item.path))


@pytest.fixture(scope='module', autouse=True)
def quick_collection() -> Iterator[None]:
    """Evaluators collect garbage when they are closed, and need not look through all libraries and thousands of tests."""
    gc.collect()
    gc.freeze()
    yield


@pytest.fixture(autouse=True)
def same_default_scope() -> Iterator[None]:
    """A Runner leaves its scope behind, and later tests would look up their modules in it."""
    yield
    registry = sys.modules.get('mmengine.registry')  # not imported here: some tests are about its absence
    if registry is not None:
        registry.DefaultScope._instance_dict.clear()


@pytest.fixture(scope='module')
def forked_workers() -> Iterator[None]:
    """Local workers are forked from a process with all imports; ``test_trial_files`` starts them as a search does."""
    from mmautoloss.testing.forked import ForkedProcess

    context = SimpleNamespace(Process=ForkedProcess)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmautoloss.execute.local.multiprocessing', SimpleNamespace(get_context=lambda _: context))
        yield


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a benchmark as Python does that runs it."""
    folders = [ROOT / 'benchmarks' / name for name in ('speed', 'quality', 'gpu')]
    for folder in folders:
        monkeypatch.syspath_prepend(str(folder))
    yield importlib.import_module
    for path in (path for folder in folders for path in folder.glob('*.py')):
        sys.modules.pop(path.stem, None)
