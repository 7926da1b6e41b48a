"""Searches of the toy that end with a funnel over lengths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmengine')

from mmengine.config import Config

from mmautoloss.__main__ import main
from mmautoloss.engine import load_search_config
from mmautoloss.engine.reproduction import load_planner, load_spec, replay
from mmautoloss.errors import SetupError
from mmautoloss.found.read import read_found
from mmautoloss.proxy import ProxyEvaluator, lengthen
from mmautoloss.report import read_results
from mmautoloss.search import Budget, funnel_rounds, survivors
from mmautoloss.testing.toy_searches import run_toy, toy_config, write_toy
from mmautoloss.trial import History, Role, State, read_events, read_history
from tests.isolation import one_thread  # noqa: F401

FUNNEL = {'stages': [{'times': 2, 'keep': 3}, {'times': 3.5, 'keep': 2, 'seeds': 2}], 'rivals': 1}
CHANGES: dict[str, Any] = {
    'seeds': [{'cls': 'dice', 'box': 'l1'}],
    'budget.max_trials': 5,
    'budget.funnel': FUNNEL,
    'report': True,
}


class Finished:
    """A search that has run."""

    def __init__(self, folder: Path) -> None:
        self.cfg = toy_config(folder, {**CHANGES, 'results': str(folder / 'results.csv')})
        self.folder, self.work = folder, Path(self.cfg.work_dir)
        self.history: History = run_toy(self.cfg)
        self.longer = self.history.of_role(Role.LONGER)


@pytest.fixture(scope='module')
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Finished(tmp_path_factory.mktemp('toy'))


def test_all_stages_were_run(finished: Finished) -> None:
    rounds = funnel_rounds(finished.history, Budget(funnel=FUNNEL).funnel)
    assert all(each.is_over for each in rounds) and rounds[-1].is_last
    assert len(finished.longer) == sum(each.wanted for each in rounds)
    assert {trial.state for trial in finished.longer} == {State.COMPLETE}
    assert finished.history.of_role(Role.FINALIST) == []


def test_scores_are_those_of_the_longer_settings(finished: Finished) -> None:
    """Bit for bit, trained last to first in a fresh evaluator whose candidates have that length."""
    proxy = load_spec(finished.work).proxy
    for times in (3.5, 2):
        evaluator = ProxyEvaluator(lengthen(proxy, times))
        for trial in reversed([trial for trial in finished.longer if trial.times == times]):
            assert evaluator.evaluate(replace(trial, times=1, outcome=None)).score == trial.score
        evaluator.close()


def test_result_is_the_winner_of_the_last_stage(finished: Finished) -> None:
    held = survivors(finished.history, Budget(funnel=FUNNEL))
    best = held[0] if held else finished.history.ranking(1)[0]
    config = Config.fromfile(finished.work / 'best_config.py').to_dict()
    assert config['model']['head']['loss_cls']['expression'] == str(best.genome['cls'])
    found = read_found(finished.work / 'best_losses.json')
    assert [str(loss.tree) for loss in found.losses] == [str(tree) for tree in best.genome.values()]


def test_rows_say_their_length(finished: Finished) -> None:
    rows = read_results(finished.folder / 'results.csv')
    assert {row.iterations for row in rows} == {8, 16, 28}
    assert len([row for row in rows if row.iterations > 8]) == len(finished.longer)
    names = {row.loss for row in rows if row.iterations == 16}
    assert {'hand-made', 'dice+l1'} <= names and all(name[:6] == 'found-' for name in names - {'hand-made', 'dice+l1'})


def test_page_is_written_with_it(finished: Finished) -> None:
    html = (finished.work / 'report.html').read_text(encoding='utf-8')
    assert 'id="lengths"' in html and (finished.work / 'report' / 'by_length.csv').is_file()


def test_status_and_replay(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['status', str(finished.work)]) == 0
    assert 'stage 1 of 2 (2x)' in capsys.readouterr().out
    events = read_events(finished.work / 'journal.jsonl')
    replayed = list(replay(events, load_planner(finished.work, events[0])))
    assert len(replayed) == len(finished.history) and not [each for each in replayed if each.differences]


def test_option_of_the_command_line_adds_one_to_a_finished_search(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path)
    run_toy(cfg)
    before = len(read_history(Path(cfg.work_dir) / 'journal.jsonl')[1])
    options = {'train_cfg.budget.funnel.rivals': 0, 'train_cfg.budget.funnel.stages': [{'times': 2, 'keep': 1}]}
    again = load_search_config(str(tmp_path / 'toy_search.py'), cfg.work_dir, options, resume=True)
    history = run_toy(again)
    assert [trial.times for trial in list(history)[before:]] == [2, 2]


def test_schedule_without_a_length_is_refused_before_the_search(tmp_path: Path) -> None:
    path = write_toy(tmp_path, {'proxy.schedule': {'type': 'OwnLoop'}, 'budget.funnel': {}})
    cfg = load_search_config(str(path), str(tmp_path / 'work'))
    with pytest.raises(SetupError, match=r'budget\.funnel needs a proxy.schedule with max_iters or max_epochs'):
        run_toy(cfg)
