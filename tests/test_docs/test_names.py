"""Modules and files that the pages and examples name are there, so that no page outlives a renaming."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.isolation import ROOT
from tests.test_docs.pages import PAGES, name_of

FILES = [*PAGES, ROOT / 'benchmarks/README.md', *sorted((ROOT / 'examples').glob('*.py'))]
BASES = [ROOT, *(ROOT / name for name in ('mmautoloss', 'docs', 'tests'))]
"""Folders from which a page may name a file."""

FOLDERS = ('mmautoloss', 'tests', 'tools', 'benchmarks', 'configs', 'docs', 'examples')

_WRITTEN = {'best_config.py', 'best_config_TASK.py', 'search_config.py'}
"""By a search."""

_MODULE = re.compile(r'(?<![\w/-])mmautoloss(?:\.\w+)+')
_FILE = re.compile(r'(?<![\w./{<-])(?:\w+/)+\w+\.py\b')
_BARE = re.compile(r'`(\w+\.py)`')
_TYPE = re.compile(r"type='mmautoloss\.(\w+)'")
_IMPORTED = re.compile(r"imports=\['(mmautoloss\.[\w.]+)'\]")
_OF_USERS = re.compile(r'work_dirs/|[A-Z]+/')


def resolve(name: str) -> object:
    """A module, or what a module defines.

    Raises:
        AttributeError: There is no such thing.
    """
    found: object = importlib.import_module('mmautoloss')
    path = 'mmautoloss'
    for part in name.split('.')[1:]:
        path += f'.{part}'
        if not hasattr(found, part):
            try:
                importlib.import_module(path)
            except ModuleNotFoundError as error:
                if error.name != path:
                    raise
        found = getattr(found, part)
    return found


@pytest.mark.parametrize('file', FILES, ids=name_of)
def test_modules_are_there(file: Path) -> None:
    pytest.importorskip('mmengine')
    for name in sorted(set(_MODULE.findall(_TYPE.sub('', file.read_text(encoding='utf-8'))))):
        try:
            resolve(name)
        except AttributeError:
            raise AssertionError(f'{name_of(file)} names {name}, which is not there') from None


@pytest.mark.parametrize('file', FILES, ids=name_of)
def test_types_of_configs_are_registered(file: Path) -> None:
    pytest.importorskip('mmengine')
    from mmautoloss.registry import DATASETS, HOOKS, LOOPS, METRICS, MODELS, TRANSFORMS

    text = file.read_text(encoding='utf-8')
    for module in _IMPORTED.findall(text):
        pytest.importorskip(module)
    for name in sorted(set(_TYPE.findall(text))):
        assert any(registry.get(name) for registry in (MODELS, LOOPS, HOOKS, METRICS, DATASETS, TRANSFORMS)), (
            f'{name} is not registered'
        )


@pytest.mark.parametrize('file', FILES, ids=name_of)
def test_files_are_there(file: Path) -> None:
    for path in sorted(set(_FILE.findall(file.read_text(encoding='utf-8')))):
        known = _OF_USERS.match(path) or any((base / path).exists() for base in BASES)
        assert known, f'{name_of(file)} names {path}, which is not there'


@pytest.mark.parametrize('page', PAGES, ids=name_of)
def test_files_without_folder_are_there(page: Path) -> None:
    """A page may leave out the folder, as of a file beside the one before."""
    for name in sorted(set(_BARE.findall(page.read_text(encoding='utf-8'))) - _WRITTEN):
        found = [path for folder in FOLDERS for path in (ROOT / folder).rglob(name)]
        assert found, f'{name_of(page)} names {name}, which is not there'


def test_a_name_that_is_gone_is_noticed() -> None:
    with pytest.raises(AttributeError):
        resolve('mmautoloss.engine.launching')
