"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import mmautoloss.losses

WITH_EXAMPLES = {'loss_graph', 'plain', 'searched_loss', 'shorter'}
MODULES = [module.name for module in pkgutil.iter_modules(mmautoloss.losses.__path__)]


@pytest.mark.parametrize('name', MODULES)
def test_examples(name):
    # imported, not run as a file: that would register the losses a second time
    module = importlib.import_module(f'mmautoloss.losses.{name}')
    failed, attempted = doctest.testmod(module)
    assert failed == 0
    assert (attempted > 0) == (name in WITH_EXAMPLES)
