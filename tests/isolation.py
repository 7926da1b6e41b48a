"""Keeps tests apart: libraries hidden in a fresh Python, torch's allow-list put back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

_BLOCK = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        root = name.partition('.')[0]
        if root in {blocked!r}:
            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)

sys.meta_path.insert(0, Blocker())
"""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """For tests that compare scores: sums are rounded by the number of threads, and more are slower on the toy."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@contextmanager
def empty_allow_list() -> Iterator[None]:
    """Empties the list of what ``torch.load`` may read, and puts it back afterwards."""
    from torch import serialization

    kept = serialization.get_safe_globals()
    serialization.clear_safe_globals()
    try:
        yield
    finally:
        serialization.clear_safe_globals()
        serialization.add_safe_globals(kept)


def run_without(blocked: Iterable[str], code: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a fresh process from the root of the project.

    Args:
        blocked: Import names of the libraries to hide.
        code: The code to run.
    """
    return subprocess.run(
        [sys.executable, '-c', _BLOCK.format(blocked=set(blocked)) + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
