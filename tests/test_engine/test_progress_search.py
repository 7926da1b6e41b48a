"""A search whose expressions may read the elapsed share of the training."""

from __future__ import annotations

import copy
import json
import random
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from mmautoloss.__main__ import main
from mmautoloss.engine.config.spec import read_spec
from mmautoloss.errors import JournalError, SetupError
from mmautoloss.expr import random_tree
from mmautoloss.expr.elapsed import reads_elapsed
from mmautoloss.testing.killed_searches import run_to_next_event
from mmautoloss.testing.toy_searches import run_toy, toy_config
from mmautoloss.trial import History, Role, read_journal
from tests.test_search.processes import LIMIT, read_events

SETTINGS = {
    'progress': True,
    'strategy.mutations': 3,
    'seed': 10,  # some seeds draw no candidate that reads it and passes the screen
    'budget': {'max_trials': 3, 'baseline_repeats': 0, 'finalists': 1, 'finalist_repeats': 1},
}


class Finished:
    """A search that has run."""

    def __init__(self, folder: Path) -> None:
        self.cfg = toy_config(folder, SETTINGS)
        self.config = folder / 'toy_search.py'
        self.work = Path(self.cfg.work_dir)
        self.history: History = run_toy(self.cfg)


@pytest.fixture(scope='module')
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Finished(tmp_path_factory.mktemp('progress'))


def test_candidates_read_the_share(finished: Finished) -> None:
    candidates = [trial for trial in finished.history.of_role(Role.SEARCH) if trial.score is not None]
    assert any(reads_elapsed(tree) for trial in candidates for tree in trial.required_genome.values())


def test_proposals_are_replayed(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['replay', str(finished.work)]) == 0
    assert 'all are equal to the journal' in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='kills as Linux does')
def test_killed_and_resumed_it_is_the_unbroken_search(finished: Finished, tmp_path: Path) -> None:
    work = tmp_path / 'work'
    for _ in range(2):
        assert run_to_next_event(finished.config, work, LIMIT) == -signal.SIGKILL
    cfg = copy.deepcopy(finished.cfg)
    cfg.work_dir, cfg.train_cfg.resume = str(work), True
    run_toy(cfg)
    assert read_events(work) == read_events(finished.work)


def test_the_setting_identifies_the_search(finished: Finished, tmp_path: Path) -> None:
    assert read_journal(finished.work / 'journal.jsonl').header['progress'] is True
    cfg = copy.deepcopy(finished.cfg)
    cfg.train_cfg.update(resume=True, progress=False)
    with pytest.raises(JournalError, match='progress was True, now it is None'):
        run_toy(cfg)


def test_without_it_header_and_draws_are_those_of_before(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path)
    spec = read_spec(cfg, tmp_path, _settings(cfg))
    assert 'progress' not in json.loads(json.dumps(dict(spec.header)))
    assert spec.strategy.inputs == {'cls': ('p', 'y'), 'box': ('p', 'y')}
    cfg.train_cfg.progress = True
    spec = read_spec(cfg, tmp_path, _settings(cfg))
    assert spec.strategy.inputs == {'cls': ('p', 'y', 't'), 'box': ('p', 'y', 't')}
    trees = [random_tree(random.Random(seed), spec.strategy.inputs['cls'], 3) for seed in range(50)]
    assert any(map(reads_elapsed, trees))


def test_it_is_true_or_false(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path, {'progress': 'yes'})
    with pytest.raises(SetupError, match='progress must be True or False'):
        read_spec(cfg, tmp_path, _settings(cfg))


def _settings(cfg: Config) -> dict[str, Any]:
    return {key: value for key, value in cfg.train_cfg.items() if key != 'type'}
