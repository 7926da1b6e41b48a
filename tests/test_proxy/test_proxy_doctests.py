"""The examples in the docstrings of what keeps samples run as they stand."""

from __future__ import annotations

import doctest
import importlib

import pytest

pytest.importorskip('mmengine')


@pytest.mark.parametrize('name', ['proxy.cache.frozen', 'proxy.cache.store', 'execute.size'])
def test_examples(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(f'mmautoloss.{name}'))
    assert tried > 0 and failed == 0
