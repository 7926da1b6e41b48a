"""Who may know whom: the contracts of pyproject.toml, what is imported late, and what works without which library."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.isolation import ROOT, run_without

PACKAGE = ROOT / 'mmautoloss'
MODELS = ('mmcv', 'mmdet', 'mmseg', 'mmpose', 'mmpretrain')
HEAVY = ('sklearn', 'ray', 'tensorboard', 'scipy')
FREE = {'branches', 'expr', 'found', 'losses', 'split', 'strategy', 'trial'}
"""Units that work where no MMEngine is."""

IMPORT_ALL = """
import importlib, pkgutil
import mmautoloss

for module in pkgutil.walk_packages(mmautoloss.__path__, 'mmautoloss.'):
    unit = module.name.split('.')[1]
    if unit in {units!r}:
        importlib.import_module(module.name)
print('imported')
"""


def import_all(blocked: Iterable[str], units: set[str]) -> None:
    done = run_without(blocked, IMPORT_ALL.format(units=units))
    assert done.stdout.strip() == 'imported', done.stderr


def check_contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, '-c', 'from importlinter.cli import lint_imports_command; lint_imports_command()']
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_contracts_are_kept() -> None:
    done = check_contracts(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


BREAKS = {
    'upwards': (
        'trial/pulse.py',
        'from mmautoloss.search import Budget',
        'mmautoloss.trial.pulse -> mmautoloss.search',
    ),
    'in a circle': (
        'expr/primitives.py',
        'def late():\n    from mmautoloss.expr.tree import Tree',
        '- .primitives -> .tree',
    ),
    'a picture in the facts': (
        'report/facts/table.py',
        'from mmautoloss.report.figures import Figure',
        'mmautoloss.report.facts.table -> mmautoloss.report.figures',
    ),
    'MMEngine in the core': (
        'screen/probe.py',
        'def late():\n    import mmengine',
        'mmautoloss.screen.probe -> mmengine',
    ),
    'a wing': (
        'engine/data/leak.py',
        'from mmautoloss.engine.config import read_config',
        'mmautoloss.engine.data.leak -> mmautoloss.engine.config',
    ),
    'Ray': ('execute/local.py', 'def late():\n    import ray', 'mmautoloss.execute.local -> ray'),
    'a unit without a layer': ('novel.py', 'import os', 'novel'),
}


@pytest.fixture(scope='module')
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of a copy of the package that breaks contracts in all these ways."""
    folder = tmp_path_factory.mktemp('broken')
    shutil.copytree(PACKAGE, folder / 'mmautoloss', ignore=shutil.ignore_patterns('__pycache__'))
    shutil.copy(ROOT / 'pyproject.toml', folder)
    for file, line, _ in BREAKS.values():
        with (folder / 'mmautoloss' / file).open('a') as source:
            source.write(f'\n{line}\n')
    done = check_contracts(folder)
    assert done.returncode == 1 and 'BROKEN' in done.stdout, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize('named', [named for _, _, named in BREAKS.values()], ids=BREAKS)
def test_contracts_can_be_broken(told: str, named: str) -> None:
    assert named in told


def test_big_libraries_are_imported_where_they_are_needed() -> None:
    units = {path.stem for path in PACKAGE.iterdir() if path.suffix == '.py' or path.is_dir()}
    import_all(
        ('mmdet', 'mmseg', 'mmpose', 'mmpretrain', *HEAVY),
        units - {'backbones', 'datasets', 'evaluation', '__main__', '__pycache__'},
    )


def test_what_a_loss_is_and_what_is_known_of_it_works_with_torch_alone() -> None:
    import_all(('mmengine', *MODELS, *HEAVY, 'cv2', 'matplotlib', 'sympy'), FREE)


def test_the_public_names_work_without_mmengine() -> None:
    code = """
import torch, mmautoloss
loss = mmautoloss.SearchedLoss('-y * log(p)', inputs='softmax')
pred = torch.randn(4, 3, requires_grad=True)
loss(pred, torch.tensor([0, 1, 2, 1])).backward()
assert pred.grad.abs().sum() > 0
assert mmautoloss.LossGraph(mmautoloss.known_loss('l1', 'delta'))(p=torch.zeros(1, 1, 1, 1), y=torch.ones(1, 1, 1, 1))
assert mmautoloss.read_found and mmautoloss.load_journal and mmautoloss.__version__
try:
    print(mmautoloss.SearchLoop)
except ImportError as error:
    print(error)
"""
    done = run_without(('mmengine', *MODELS), code)
    assert done.stdout.strip() == "No module named 'mmengine'", done.stderr


def test_public_names_are_offered_and_nothing_else() -> None:
    import mmautoloss

    assert set(mmautoloss.__all__) <= set(dir(mmautoloss))
    assert all(getattr(mmautoloss, name) is not None for name in mmautoloss.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(mmautoloss, 'nothing')  # noqa: B009


@pytest.mark.parametrize('package', sorted(path.parent for path in PACKAGE.rglob('__init__.py')), ids=str)
def test_no_module_hides_behind_a_function_of_its_name(package: Path) -> None:
    """``from package import thing`` must not mean one or the other by who was imported first."""
    tree = ast.parse((package / '__init__.py').read_text(encoding='utf-8'))
    faces = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for module in package.glob('*.py'):
        names = {node.name for node in ast.parse(module.read_text(encoding='utf-8')).body if hasattr(node, 'name')}
        assert module.stem not in names | faces, module
