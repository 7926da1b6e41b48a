"""A search of the toy with all options of the evolution: numbers, sums as seeds, ageing, winners measured again,
priorities of operators."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmautoloss.__main__ import main
from mmautoloss.expr.tree import is_number
from mmautoloss.testing.killed_searches import run_to_next_event
from mmautoloss.testing.toy_searches import run_toy, toy_config, write_toy
from mmautoloss.trial import History, Role, read_history

CHANGES = {
    'seeds': [{'cls': 'ce + 0.5 * mse', 'box': 'l1'}],
    'strategy.population': 0.5,
    'strategy.copy_rate': 0.3,
    'strategy.copies': 'measure',
    'strategy.number_rate': 0.5,
    'strategy.max_nodes': 4,
    'strategy.shrink': False,
    'strategy.priority': 'ucb',
    'budget.max_trials': 8,
}


@pytest.fixture(scope='module')
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cfg = toy_config(tmp_path_factory.mktemp('options'), CHANGES)
    run_toy(cfg)
    return Path(cfg.work_dir)


@pytest.fixture(scope='module')
def history(finished: Path) -> History:
    return read_history(finished / 'journal.jsonl')[1]


def test_all_of_it_happened(history: History) -> None:
    (known,) = history.of_role(Role.KNOWN)
    assert known.genome.to_text()['cls'] == '-y * log(p) + 0.5 * (p - y) ** 2'
    found = history.of_role(Role.SEARCH)
    assert any('number' in trial.origin for trial in found)
    numbers = {node for trial in found for tree in trial.genome.values() for node in tree.nodes if is_number(node)}
    assert numbers - {'0.5', '1'}
    assert max(tree.size for trial in found for tree in trial.genome.values()) <= known.genome['cls'].size
    again = [trial for trial in history if trial.measures_again]
    assert again and all(trial.score is not None and not trial.was_spared for trial in again)
    assert history.n_proxies() == 8


def test_it_is_replayed(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['replay', str(finished)]) == 0
    assert 'all are equal' in capsys.readouterr().out
    assert main(['status', str(finished)]) == 0


@pytest.mark.slow
def test_killed_at_every_seventh_event_it_is_the_same_search(tmp_path: Path, history: History) -> None:
    config, work = write_toy(tmp_path, CHANGES), tmp_path / 'work'
    codes: list[int | None] = []
    while codes[-1:] != [0] and len(codes) < 50:
        codes.append(run_to_next_event(config, work, 300, events=7))
    assert 2 < len(codes) < 50
    resumed = read_history(work / 'journal.jsonl')[1]
    assert [trial.to_json() for trial in resumed] == [trial.to_json() for trial in history]
    assert [trial.score for trial in resumed] == [trial.score for trial in history]
    assert Config.fromfile(config).train_cfg.strategy.copies == 'measure'
