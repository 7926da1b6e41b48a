"""The examples in the docstrings of the package are true."""

from __future__ import annotations

import doctest
import importlib
import sys

import pytest

from tests.isolation import ROOT

WITH_EXAMPLES = [
    '.'.join(path.relative_to(ROOT).with_suffix('').parts)
    for path in sorted((ROOT / 'mmautoloss').rglob('*.py'))
    if '>>> ' in path.read_text(encoding='utf-8')
]


@pytest.mark.parametrize('name', WITH_EXAMPLES)
def test_examples(name: str) -> None:
    # imported, not run as a file: that would register classes a second time
    importlib.import_module(name)
    failed, tried = doctest.testmod(sys.modules[name])
    assert tried > 0 and failed == 0
