"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import mmautoloss.expr

WITHOUT_EXAMPLES = {'primitives', 'mutate'}
MODULES = [module.name for module in pkgutil.iter_modules(mmautoloss.expr.__path__)]


@pytest.mark.parametrize('name', MODULES)
def test_examples(name):
    module = importlib.import_module(f'mmautoloss.expr.{name}')
    failed, attempted = doctest.testmod(module)
    assert failed == 0
    assert (attempted > 0) == (name not in WITHOUT_EXAMPLES)
