"""The figures of the pages show what they say: their data, and that all of them are made by one command."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.isolation import ROOT

MAKE = ROOT / 'docs/figures/make.py'


@pytest.fixture
def figures() -> Any:
    """What the script defines; the benchmarks' modules that it imports are forgotten again."""
    path = list(sys.path)
    yield runpy.run_path(str(MAKE), run_name='figures')
    sys.path[:] = path
    sys.modules.pop('probes', None)


def test_good_losses_pass_and_useless_ones_fail(figures: dict[str, Any]) -> None:
    losses, eta = figures['LOSSES'], figures['RejectionTest']().eta
    found = figures['gains'](list(losses.values()))
    passing = {name for name, text in losses.items() if found[text][-1] >= eta}
    assert passing == {'cross-entropy', 'squared error'}
    assert all(gains[0] == 0 and len(gains) == len(figures['SHARES']) for gains in found.values())


def test_each_mutation_does_what_its_name_says(figures: dict[str, Any]) -> None:
    trees = figures['mutants']()
    sizes = {name: tree.size - trees['parent'].size for name, tree in trees.items()}
    assert sizes['insert'] > 0 > sizes['delete'] and sizes['replace'] == sizes['parent'] == 0


def test_trees_are_laid_out_without_overlap(figures: dict[str, Any]) -> None:
    for tree in figures['mutants']().values():
        nodes = figures['layout'](tree)
        assert len({(node.x, node.y) for node in nodes}) == tree.size
        assert [node.text for node in nodes if node.parent is None] == [tree.root]
        places = {(node.x, node.y) for node in nodes}
        assert all(node.parent in places and node.parent[1] == node.y + 1 for node in nodes if node.parent)


def test_one_command_makes_all_figures(
    figures: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, 'argv', ['make.py', '--out', str(tmp_path), '--draws', '20'])
    figures['main']()
    shown = re.findall(r'\(figures/(\w+\.svg)\)', (ROOT / 'docs/how_it_works.md').read_text(encoding='utf-8'))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(shown)
    for name in shown:
        assert (ROOT / 'docs/figures' / name).stat().st_size < 60_000
    # what does not depend on the number of draws or on the processor is what stands in the pages
    for name in ('stages.svg', 'mutations.svg'):
        texts = [re.findall(r'>([^<>\n]+)</text>', (folder / name).read_text()) for folder in (tmp_path, MAKE.parent)]
        assert texts[0] == texts[1] and texts[0], f'{name} is out of date: python docs/figures/make.py'
