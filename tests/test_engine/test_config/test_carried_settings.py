"""Class weights of a hand-made loss on their way through a search, its files and its commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

pytest.importorskip('mmdet.models.losses', reason='its cross-entropy has class weights', exc_type=ImportError)

from mmengine.config import Config

from mmautoloss import evaluate
from mmautoloss.__main__ import main
from mmautoloss.branches import find_losses
from mmautoloss.engine import build_model, load_base, load_search_config, spec_of
from mmautoloss.engine.screens import Screens
from mmautoloss.found import read_result
from mmautoloss.losses import SearchedLoss
from mmautoloss.proxy import ProxyEvaluator
from mmautoloss.report import ConsoleObserver
from mmautoloss.testing.toy_searches import run_toy, write_toy
from mmautoloss.trial import History, read_history

WEIGHTS = [0.2, 4.0, 1.0, 0.0]
BASE = {
    'custom_imports': {'imports': ['mmautoloss.testing.toy', 'mmdet.models'], 'allow_failed_imports': False},
    'model.head.loss_cls': {'type': 'mmdet.CrossEntropyLoss', 'class_weight': WEIGHTS, 'loss_weight': 0.7},
}


def test_a_formula_trains_as_the_hand_made_loss(tmp_path: Path) -> None:
    write_toy(tmp_path, base=BASE)
    config = str(tmp_path / 'toy.py')
    hand_made, formula, bare = (
        evaluate(path, losses, schedule={'max_iters': 12}, raise_on_failure=True).metrics
        for path, losses in ((config, None), (config, {'head_cls': 'ce'}), (_without(tmp_path), {'head_cls': 'ce'}))
    )
    assert formula == pytest.approx(hand_made, rel=1e-6)
    assert bare != pytest.approx(hand_made, rel=1e-3)
    balanced = evaluate(config, {'head_cls': 'ce'}, schedule={'max_iters': 1}, balance='gradient')
    assert balanced.weights['head_cls'] == pytest.approx(0.7, rel=1e-6)


def _without(folder: Path) -> str:
    write_toy(folder / 'bare', base={**BASE, 'model.head.loss_cls': {'type': 'mmdet.CrossEntropyLoss'}})
    return str(folder / 'bare' / 'toy.py')


@pytest.mark.parametrize('engine', ['plain', 'fast'])
def test_the_screens_see_them(tmp_path: Path, engine: str) -> None:
    """The known cross-entropy is the hand-made loss: its weight is that of the latter, its fingerprint the same."""
    path = write_toy(tmp_path, {'screen.engine': engine}, BASE)
    spec = spec_of(load_search_config(str(path), str(tmp_path / 'work')))
    spec.work_dir.mkdir()
    evaluator = ProxyEvaluator(spec.proxy)
    screens = Screens(spec, evaluator, History(), ConsoleObserver(spec.branches, 'score')).build()
    screen, tree = screens['cls'], SearchedLoss('-y * log(p)').graph.tree
    verdict = screen.judge(tree)
    assert verdict.weight == pytest.approx(0.7, rel=1e-4)
    assert screen.fingerprint(verdict, 2) == screen.hand_made_fingerprint(2)
    evaluator.close()


def test_they_are_in_all_files_of_a_search(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, work = write_toy(tmp_path, {'budget.max_trials': 2}, BASE), tmp_path / 'work'
    run_toy(load_search_config(str(path), str(work)))
    header, history = read_history(work / 'journal.jsonl')
    assert header['branches']['cls']['settings'] == {'class_weight': WEIGHTS}
    assert 'settings' not in header['branches']['box']
    count = len(history)
    run_toy(load_search_config(str(path), str(work), resume=True, budget__max_trials=3))  # the header fits
    assert len(read_history(work / 'journal.jsonl')[1]) > count
    entries = json.loads((work / 'best_losses.json').read_text())
    assert [entry.get('settings') for entry in entries] == [{'class_weight': WEIGHTS}, None]
    assert (
        read_result(work)[0].settings == read_result(work / 'best_losses.json')[0].settings == entries[0]['settings']
    )
    assert built(work / 'best_config.py').counts.class_weight == WEIGHTS
    assert main(['apply', str(tmp_path / 'toy.py'), str(work), '-o', str(tmp_path / 'applied.py')]) == 0
    assert 'keeps class_weight=[0.2, 4.0, 1.0, 0.0] of CrossEntropyLoss' in capsys.readouterr().out
    assert built(tmp_path / 'applied.py').counts.class_weight == WEIGHTS
    again = find_losses(build_model(load_base(str(tmp_path / 'applied.py'), {})))
    assert again[0].settings == {'class_weight': WEIGHTS}  # also where a searched loss is replaced
    for form in ('torch', 'config', 'json', 'python', 'sympy'):
        assert main(['export', str(work), '--format', form]) == 0
        assert '4.0, 1.0, 0.0' in capsys.readouterr().out, form


def built(path: Path) -> torch.nn.Module:
    return build_model(Config.fromfile(path)).head.loss_cls


def test_a_search_without_any_is_described_as_before(tmp_path: Path) -> None:
    spec = spec_of(load_search_config(str(write_toy(tmp_path)), str(tmp_path / 'work')))
    assert spec.header['branches'] == {
        'cls': {'path': 'head.loss_cls', 'inputs': 'softmax'},
        'box': {'path': 'head.loss_box', 'inputs': 'delta'},
    }
