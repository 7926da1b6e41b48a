"""The notebook runs from its first cell to its last, and is kept without outputs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.isolation import ROOT

nbformat = pytest.importorskip('nbformat')
nbclient = pytest.importorskip('nbclient')

TOUR = ROOT / 'docs/tour.ipynb'
SMALL = {'size': 64, 'train': 12, 'search_val': 4, 'val': 6, 'test': 3, 'seed': 3}


def test_the_notebook_is_kept_without_outputs() -> None:
    book = nbformat.read(TOUR, as_version=4)
    nbformat.validate(book)
    assert all(not cell.outputs and cell.execution_count is None for cell in book.cells if cell.cell_type == 'code')
    text = '\n'.join(cell.source for cell in book.cells if cell.cell_type == 'markdown')
    assert all((TOUR.parent / link).exists() for link in re.findall(r'\]\(([\w./]+)\)', text))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the configs of the digits, whose scenes are few and small."""
    for name in ('_base_', 'digits'):
        shutil.copytree(ROOT / 'configs' / name, tmp_path / 'configs' / name)
    with (tmp_path / 'configs/digits/deeplabv3plus.py').open('a') as file:
        file.writelines(
            f'{part}_dataloader = dict(dataset=dict(scenes={SMALL}))\n' for part in ('train', 'val', 'test')
        )
    return tmp_path


@pytest.mark.slow
def test_the_notebook_runs(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    """With two candidates of a few iterations; errors of a cell are those of the test."""
    monkeypatch.setenv('MMAUTOLOSS_TOUR_QUICK', '1')
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(project / 'data'))
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    monkeypatch.setenv('MPLBACKEND', 'module://matplotlib_inline.backend_inline')
    book = nbformat.read(TOUR, as_version=4)
    nbclient.NotebookClient(book, timeout=600, resources={'metadata': {'path': str(project)}}).execute()
    outputs = [output for cell in book.cells if cell.cell_type == 'code' for output in cell.outputs]
    assert sum('image/png' in output.get('data', {}) for output in outputs) == 2
    assert sum('text/latex' in output.get('data', {}) for output in outputs) == 2
    printed = ''.join(output.text for output in outputs if output.output_type == 'stream')
    cross_entropy, reference = re.search(r'^([\d.]+) ([\d.]+)$', printed, re.MULTILINE).groups()
    assert float(cross_entropy) == pytest.approx(float(reference), abs=1e-6)
    assert "'val/mIoU'" in printed and 'search complete' in printed
