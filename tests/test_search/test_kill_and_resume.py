"""A search that is killed and resumed gives what an unbroken one gives."""

from __future__ import annotations

import shutil
import sys
from collections import defaultdict
from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmautoloss.testing.toy_searches import run_toy, toy_config, write_toy
from mmautoloss.trial import History, Role, State, read_history
from tests.test_search.processes import (
    LIMIT,
    count_events,
    descendants,
    finish,
    is_alive,
    kill_at,
    read_events,
    start,
    wait_for,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads /proc'),
]

SLOW = 0.05  # seconds an iteration, so that a kill falls into a training


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Work dir of a search that ran through."""
    cfg = toy_config(tmp_path_factory.mktemp('unbroken'))
    run_toy(cfg)
    return Path(cfg.work_dir)


def events_to_kill_at(work: Path) -> list[int]:
    """Numbers of events after which a training runs: of a candidate, and of a repeat."""
    events = read_events(work)
    _, history = read_history(work / 'journal.jsonl')
    trained = [t.number for t in history.of_role(Role.SEARCH) if t.state is State.COMPLETE]
    finalist = history.of_role(Role.FINALIST)[0].number
    wanted = [('proposed', trained[0]), ('proposed', finalist)]
    keys = [(event['event'], event['number']) for event in events]
    return [keys.index(key) + 1 for key in wanted]


def test_killed_search_is_the_unbroken_one(unbroken: Path, tmp_path: Path) -> None:
    config, work = write_toy(tmp_path), tmp_path / 'work'
    for events in events_to_kill_at(unbroken):
        kill_at(start(config, work, '--resume', slow=SLOW), work, events)
        assert events <= count_events(work) <= events + 1, 'the kill came too late to mean anything'
    finish(start(config, work, '--resume'), work)
    assert read_events(work) == read_events(unbroken)
    best = (work / 'best_config.py').read_text()
    assert best == (unbroken / 'best_config.py').read_text()


def test_damaged_journal_goes_on_after_its_repair(unbroken: Path, tmp_path: Path) -> None:
    """A digit within the last finalist's outcome was altered: the trial is measured again."""
    config, work = write_toy(tmp_path), tmp_path / 'work'
    shutil.copytree(unbroken, work)
    journal = work / 'journal.jsonl'
    *before, settled, ended = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b''.join([*before, settled.replace(b'"seconds":0.', b'"seconds":7.'), ended]))
    damaged = journal.read_bytes()
    refused = start(config, work, '--resume')
    assert refused.wait(LIMIT) == 2
    log = work.with_suffix('.log')
    assert f'line {len(before) + 1} is damaged' in log.read_text() and 'Traceback' not in log.read_text()
    assert journal.read_bytes() == damaged
    finish(start(config, work, '--resume', '--repair'), work)
    assert read_events(work) == read_events(unbroken)
    assert (work / 'journal.damaged-1.jsonl').read_bytes() == damaged
    assert '1 dropped' in log.read_text()


def test_two_workers_lose_nothing(unbroken: Path, tmp_path: Path) -> None:
    config, work = write_toy(tmp_path, {'execute.workers': 2}), tmp_path / 'work'
    process = start(config, work, slow=SLOW)
    wait_for(lambda: count_events(work) >= 4 or process.poll() is not None)
    workers = descendants(process.pid)
    kill_at(process, work, events=4)
    known = read_events(work)
    finish(start(config, work, '--resume'), work)
    assert read_events(work)[: len(known)] == known, 'what was written stays'
    _, history = read_history(work / 'journal.jsonl')
    assert history.running() == [] and history.n_proxies() >= 4
    assert len(history.of_role(Role.FINALIST)) == 2
    assert_equal_genomes_agree(history, read_history(unbroken / 'journal.jsonl')[1])
    assert workers, 'there was nobody to outlive the driver'
    wait_for(lambda: not any(map(is_alive, workers)), seconds=20)


def assert_equal_genomes_agree(*histories: History) -> None:
    scores = defaultdict(set)
    for history in histories:
        for trial in history:
            if trial.state is State.COMPLETE:
                weights = tuple(sorted(trial.weights.items()))
                scores[trial.genome, weights, trial.seed].add(trial.score)
    assert max(map(len, scores.values())) == 1
    assert len(scores) < sum(len(list(history)) for history in histories), 'some are compared'
