"""The examples in the docstrings of what keeps samples and state run as they stand."""

from __future__ import annotations

import doctest
import importlib
import sys

import pytest

pytest.importorskip('mmengine')


NAMES = ('proxy.cache.frozen', 'proxy.cache.store', 'proxy.state.snapshot', 'proxy.state.fingerprint', 'execute.size')


@pytest.mark.parametrize('name', NAMES)
def test_examples(name: str) -> None:
    importlib.import_module(f'mmautoloss.{name}')
    failed, tried = doctest.testmod(sys.modules[f'mmautoloss.{name}'])  # a function may have the name of its module
    assert tried > 0 and failed == 0
