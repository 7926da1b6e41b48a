"""The layers of the package: imports go down only, and each library has its place.

The tables below are the rule; ``docs/architecture.md`` says why. A unit is a module or package
right under ``mmautoloss``. A new unit gets its line here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.isolation import ROOT, run_without

PACKAGE = ROOT / 'mmautoloss'

# Lowest first: a unit imports itself and what is in the lines above its own.
LAYERS = (
    {'errors', 'registry', 'compat', 'caching', 'extension', 'checks'},
    {'expr', 'evaluation', 'split', 'pairs'},
    {'trial'},
    {'strategy', 'screen', 'losses'},
    {'proxy', 'execute'},
    {'search', 'report'},
    {'engine', 'datasets', 'testing'},
    {'cli'},
    {'__init__', '__main__'},
)

# Imports within a layer that are wanted.
MATES = {
    'extension': {'errors'},
    'checks': {'errors'},
    'screen': {'losses'},
    'execute': {'proxy'},
    'report': {'search'},
}


class Place(NamedTuple):
    """The units that may import a library: when they are imported, and inside a function."""

    at_import: set[str]
    in_function: set[str]


RIM = {'engine', 'proxy', 'evaluation', 'datasets', 'cli', 'compat', 'registry'}
_MODELS = Place({'datasets', 'evaluation'}, {'datasets', 'evaluation', 'proxy', 'engine', 'cli'})
_EVERYWHERE = {unit for layer in LAYERS for unit in layer}

LIBRARIES = {
    'mmengine': Place(RIM | {'testing'}, RIM | {'testing'}),
    'mmcv': _MODELS,
    'mmdet': _MODELS,
    'mmseg': _MODELS,
    'mmpose': _MODELS,
    'ray': Place(set(), _EVERYWHERE),
}

# The libraries that at most one file of the package may import.
IN_ONE_FILE = {'ray'}

# ``import mmautoloss, mmautoloss.expr`` must work where none of these is installed.
NOT_FOR_THE_CORE = (
    *('mmcv', 'mmdet', 'mmseg', 'mmpose', 'sklearn'),
    *('cv2', 'matplotlib', 'sympy', 'ray'),
)


class Import(NamedTuple):
    """One imported name: the full dotted name, where it stands, and whether inside a function."""

    name: str
    line: int
    in_function: bool


def find_imports(source: str, module: str, is_package: bool) -> list[Import]:
    """Lists what a module imports, relative imports resolved.

    ``from a import b`` gives ``a.b``, since ``b`` may be a module. Imports under
    ``if TYPE_CHECKING`` count as those inside a function: they do not run when it is imported.
    """
    home = module.split('.') if is_package else module.split('.')[:-1]
    return list(_walk(ast.parse(source), home, in_function=False))


def _walk(node: ast.AST, home: list[str], in_function: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, node.lineno, in_function) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        parents = home[: len(home) - node.level + 1] if node.level else []
        base = '.'.join([*parents, *([node.module] if node.module else [])])
        for alias in node.names:
            yield Import(f'{base}.{alias.name}', node.lineno, in_function)
    deeper = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    if isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test):
        deeper = True
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, home, deeper)


def find_violations(unit: str, imports: list[Import]) -> list[str]:
    """Compares the imports of one file of a unit with the tables."""
    if unit not in _EVERYWHERE:
        return [f'{unit!r} has no layer; give it one in LAYERS']
    return [text for each in imports for text in _judge(unit, each)]


def _judge(unit: str, each: Import) -> Iterator[str]:
    root, *rest = each.name.split('.')
    if root == 'mmautoloss' and rest and rest[0] in _EVERYWHERE:
        # A name of ``mmautoloss/__init__.py`` itself, such as the version, is in no layer.
        if not _may_import(unit, rest[0]):
            yield f'line {each.line}: {unit} must not import {rest[0]}'
    elif root in LIBRARIES:
        place = LIBRARIES[root]
        if unit not in (place.in_function if each.in_function else place.at_import):
            where = 'inside a function' if each.in_function else 'at import'
            yield f'line {each.line}: {unit} must not import {root} {where}'


def _may_import(unit: str, other: str) -> bool:
    if unit == other or other in MATES.get(unit, ()):
        return True
    return _layer_of(other) < _layer_of(unit)


def _layer_of(unit: str) -> int:
    return next(index for index, layer in enumerate(LAYERS) if unit in layer)


def _files() -> list[Path]:
    return sorted(PACKAGE.rglob('*.py'))


def _imports_of(path: Path) -> list[Import]:
    module = '.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')
    return find_imports(path.read_text(encoding='utf-8'), module, path.name == '__init__.py')


def _unit_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix('').parts[0]


@pytest.mark.parametrize('path', _files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_file_keeps_to_its_layer(path: Path) -> None:
    assert find_violations(_unit_of(path), _imports_of(path)) == []


@pytest.mark.parametrize('library', sorted(IN_ONE_FILE))
def test_library_stands_in_one_file_at_most(library: str) -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in _files()
        for each in _imports_of(path)
        if each.name.partition('.')[0] == library
    }
    assert len(users) <= 1, f'{library} is imported in {sorted(users)}'


def test_core_imports_without_the_big_libraries() -> None:
    if not (PACKAGE / 'expr' / '__init__.py').exists():
        pytest.skip('mmautoloss.expr is not there')
    done = run_without(NOT_FOR_THE_CORE, 'import mmautoloss, mmautoloss.expr\nprint("imported")')
    assert done.stdout.strip() == 'imported', done.stderr


def test_every_unit_has_one_layer() -> None:
    units = [unit for layer in LAYERS for unit in layer]
    assert len(units) == len(set(units))
    assert set(MATES) | {mate for mates in MATES.values() for mate in mates} <= set(units)


@pytest.mark.parametrize(
    ('unit', 'source', 'found'),
    [
        ('trial', 'import mmautoloss.search', ['line 1: trial must not import search']),
        ('trial', 'from mmautoloss import search', ['line 1: trial must not import search']),
        ('trial', 'from ..search import loop', ['line 1: trial must not import search']),
        ('trial', 'from .. import search', ['line 1: trial must not import search']),
        ('trial', 'def f():\n  from .. import search', ['line 2: trial must not import search']),
        ('trial', 'from . import journal\nfrom ..expr.tree import Tree', []),
        ('trial', 'from mmautoloss import __version__', []),
        ('screen', 'import mmautoloss.losses', []),
        ('losses', 'import mmautoloss.screen', ['line 1: losses must not import screen']),
        ('losses', 'import mmengine', ['line 1: losses must not import mmengine at import']),
        ('proxy', 'def f():\n  import mmdet.models', []),
        ('proxy', 'from mmdet import models', ['line 1: proxy must not import mmdet at import']),
        ('execute', 'class A:\n  def __init__(self):\n    import ray', []),
        ('execute', 'import ray', ['line 1: execute must not import ray at import']),
        ('execute', 'if TYPE_CHECKING:\n  import ray', []),
        ('novel', 'import os', ["'novel' has no layer; give it one in LAYERS"]),
    ],
)
def test_violations_are_found(unit: str, source: str, found: list[str]) -> None:
    """The rule itself is tried on sources that keep it and that break it."""
    assert find_violations(unit, find_imports(source, f'mmautoloss.{unit}.x', False)) == found


def test_relative_imports_of_a_package_start_at_the_package() -> None:
    imports = find_imports('from . import tree\nfrom .. import errors', 'mmautoloss.expr', True)
    assert [each.name for each in imports] == ['mmautoloss.expr.tree', 'mmautoloss.errors']
