"""A search of the toy with trunks, a funnel and fresh seeds, whose hand-made losses are poor, so that found ones hold."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmengine')

from mmengine.config import Config

from mmautoloss.__main__ import main
from mmautoloss.engine.reproduction import load_planner, load_spec, replay
from mmautoloss.found.read import read_found
from mmautoloss.proxy import ProxyEvaluator
from mmautoloss.report import read_results
from mmautoloss.search import Budget, survivors
from mmautoloss.testing.toy_searches import run_toy, toy_config
from mmautoloss.trial import History, Role, read_events
from tests.isolation import one_thread  # noqa: F401

FUNNEL = {'stages': [{'times': 1.5, 'keep': 1}], 'rivals': 0}
SEARCH: dict[str, Any] = {
    'proxy': {'begin': {'at': 0.5}},
    'screen.balance': 'none',
    'budget.max_trials': 3,
    'budget.baseline_repeats': 0,
    'budget.funnel': FUNNEL,
    'budget.confirm_seeds': 5,
    'report': True,
}
POOR = {'model.plain': True, 'model.head.loss_cls.loss_weight': 0.01, 'model.head.loss_box.loss_weight': 0.01}


class Finished:
    """A search that has run, and what it printed."""

    def __init__(self, folder: Path) -> None:
        self.cfg = toy_config(folder, {**SEARCH, 'results': str(folder / 'results.csv'), 'verbose': True}, POOR)
        self.folder, self.work = folder, Path(self.cfg.work_dir)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.history: History = run_toy(self.cfg)
        self.printed = ' '.join(out.getvalue().split())
        (self.winner,) = survivors(self.history, Budget(funnel=FUNNEL))
        self.fresh = self.history.confirmations(self.winner.number)


@pytest.fixture(scope='module')
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Finished(tmp_path_factory.mktemp('toy'))


def test_what_holds_is_the_result_everywhere(finished: Finished) -> None:
    assert finished.history.winner() == finished.winner and [*finished.fresh] == [*range(1000, 1005)]
    assert read_found(finished.work).origin.trial == finished.winner.number
    written = read_found(finished.work / 'best_losses.json')
    assert written.origin.fresh and written.origin.scores == tuple(run.score for run in finished.fresh.values())
    assert [str(loss.tree) for loss in written.losses] == [str(tree) for tree in finished.winner.genome.values()]
    config = Config.fromfile(finished.work / 'best_config.py')
    assert str(finished.winner.genome['cls']) in config.pretty_text and config.model.head.loss_cls.loss_weight == 0.01


def test_verdict_names_the_length(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    text = 'The best found losses are better than the hand-made ones in trainings 1.5 times as long: +0.'
    assert text in finished.printed and 'toy/score at 1.5x with fresh seeds' in finished.printed
    assert main(['status', str(finished.work)]) == 0
    shown = ' '.join(capsys.readouterr().out.split())
    assert text in shown and 'stage 1 of 1 (1.5x): 2 of 2 trained, 1 of 1 found losses hold' in shown
    html = (finished.work / 'report.html').read_text(encoding='utf-8')
    assert text[:60] in html and '5 fresh seeds at 1.5x' in html and 'best found at 1.5x' in html


def test_rows_are_those_of_fresh_seeds_with_their_length(finished: Finished) -> None:
    rows = read_results(finished.folder / 'results.csv')
    assert {(row.loss, row.iterations) for row in rows} == {('hand-made', 30), (f'found-{finished.winner.number}', 30)}
    found = [row.value for row in rows if row.loss != 'hand-made']
    assert found == [run.score for run in finished.fresh.values()]


def test_fresh_scores_are_measured_again_to_the_last_bit(finished: Finished) -> None:
    """In a fresh evaluator, last to first."""
    evaluator = ProxyEvaluator(replace(load_spec(finished.work).proxy, prove=False))
    for trial in reversed(finished.history.of_role(Role.CONFIRM)):
        assert evaluator.evaluate(replace(trial, outcome=None)).score == trial.score
    evaluator.close()


def test_replayed_it_is_the_same_and_resumed_it_is_over(finished: Finished) -> None:
    events = read_events(finished.work / 'journal.jsonl')
    replayed = list(replay(events, load_planner(finished.work, events[0])))
    assert len(replayed) == len(finished.history) and not [each for each in replayed if each.differences]
    finished.cfg.train_cfg.resume = True
    assert len(run_toy(finished.cfg)) == len(finished.history)
