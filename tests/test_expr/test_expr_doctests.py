"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import mmautoloss.expr

WITHOUT_EXAMPLES = {'primitives', 'mutate', 'forms', 'forms.style', 'forms.numpy_form', 'forms.torch_form'}
PREFIX = 'mmautoloss.expr.'
MODULES = [module.name.removeprefix(PREFIX) for module in pkgutil.walk_packages(mmautoloss.expr.__path__, PREFIX)]


@pytest.mark.parametrize('name', MODULES)
def test_examples(name):
    module = importlib.import_module(f'{PREFIX}{name}')
    failed, attempted = doctest.testmod(module)
    assert failed == 0
    assert (attempted > 0) == (name not in WITHOUT_EXAMPLES)
