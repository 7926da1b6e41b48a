"""``mmautoloss replay``: on a search without models whose workers end in another order, and on one of the toy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmengine')

import torch

from mmautoloss.__main__ import main
from mmautoloss.engine.reproduction import Replayed, replay
from mmautoloss.strategy import RegularizedEvolution
from mmautoloss.testing.toy_searches import run_toy, toy_config
from mmautoloss.trial import read_events, read_history
from mmautoloss.trial.line import seal
from tests.test_search.conftest import BRANCHES, Search

FIELDS: dict[str, Callable[[Any], Any]] = {
    'genome': lambda genome: {**genome, 'box': 'abs(p - y) ** 2'},
    'weights': lambda weights: {**weights, 'cls': weights['cls'] + 1e-9},
    'parent': lambda parent: 0,
    'origin': lambda origin: f'{origin}, or so',
    'fingerprint': lambda fingerprint: f'{fingerprint} ',
    'funnel': lambda funnel: {**funnel, 'accepted': funnel['accepted'] + 1},
    'seed': lambda seed: seed + 1,
    'settled_before': lambda count: count + 1,
}


def tamper(path: Path, number: int, field: str, change: Callable[[Any], Any]) -> None:
    """Changes a field of a proposal, with the right checksum."""
    lines = path.read_bytes().splitlines(keepends=True)
    for index, line in enumerate(lines):
        event = json.loads(line)
        if event['event'] == 'proposed' and event['number'] == number:
            del event['crc']
            lines[index] = seal({**event, field: change(event[field])})
    path.write_bytes(b''.join(lines))


@pytest.fixture
def evolved(search: Search) -> Search:
    """A search with three workers that finish in another order than they began."""
    search.strategy = RegularizedEvolution(BRANCHES, initial=2, tournament=0.5)
    search.run(duration=lambda trial: 1.0 + trial.number * 7 % 3, slots=3, max_trials=12)
    settled = [trial.number for trial in search.history.settled()]
    assert settled != sorted(settled)
    return search


@pytest.fixture
def search(tmp_path: Path) -> Search:
    return Search(tmp_path)


def replayed(search: Search, first: int = 0) -> list[Replayed]:
    return list(replay(read_events(search.path), search.planner(max_trials=12), first))


def test_all_proposals_come_out_again(evolved: Search) -> None:
    found = replayed(evolved)
    assert [each.number for each in found] == list(range(len(evolved.history)))
    assert len(found) > 15 and not any(each.differences for each in found)


def test_also_after_a_resume(search: Search) -> None:
    search.run(slots=3, max_trials=4)
    search.run(slots=3, max_trials=12, resume=True)
    assert not any(each.differences for each in replayed(search))


@pytest.mark.parametrize('field', FIELDS)
def test_the_one_that_was_changed_is_found(search: Search, field: str) -> None:
    search.run(slots=3, max_trials=12)
    # random search looks at no earlier genome, and the worst is no finalist: what follows stays as it is
    worst = min(search.history.population()[1:], key=lambda trial: trial.score)
    tamper(search.path, worst.number, field, FIELDS[field])
    told = read_history(search.path)[1][worst.number].to_json()[field]
    (found,) = [each for each in replayed(search) if each.differences]
    assert found == Replayed(worst.number, {field: (told, worst.to_json()[field])})


def test_a_score_that_was_changed_shows_in_what_was_bred_from_it(evolved: Search) -> None:
    path, lines = evolved.path, evolved.path.read_bytes().splitlines(keepends=True)
    best = evolved.history.best_found(1)[0]
    for index, line in enumerate(lines):
        event = json.loads(line)
        if event['event'] == 'settled' and event['number'] == best.number:
            del event['crc']
            lines[index] = seal({**event, 'score': -1.0})
    path.write_bytes(b''.join(lines))
    differing = [each.number for each in replayed(evolved) if each.differences]
    assert differing and min(differing) > best.number


def test_earlier_ones_are_taken_as_they_are(evolved: Search) -> None:
    tamper(evolved.path, 1, 'seed', lambda seed: seed + 1)
    assert [each.number for each in replayed(evolved, first=2)] == list(range(2, len(evolved.history)))


@pytest.fixture(scope='module')
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work dir of a search of the toy."""
    folder = tmp_path_factory.mktemp('toy')
    assert len(run_toy(toy_config(folder))) > 6
    return folder / 'work'


@pytest.fixture
def work_dir(finished: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(finished, tmp_path / 'work'))


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_search_of_the_toy_comes_out_again(work_dir: Path, capsys) -> None:
    count = len(read_history(work_dir / 'journal.jsonl')[1])
    assert main(['replay', str(work_dir)]) == 0
    assert capsys.readouterr().out == f'{count} proposals recomputed: all are equal to the journal\n'


def test_difference_is_told_with_both_values(work_dir: Path, capsys) -> None:
    tamper(work_dir / 'journal.jsonl', 4, 'origin', lambda origin: 'a dream')
    assert main(['replay', str(work_dir)]) == 1
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == ['trial 4', 'origin', 'journal:    a dream']
    assert lines[3].startswith('recomputed: ') and lines[-1].endswith('1 differ from the journal (4)')


def test_json_of_some(work_dir: Path, capsys) -> None:
    for number in (2, 3, 6):
        tamper(work_dir / 'journal.jsonl', number, 'seed', lambda seed: 77)
    assert main(['replay', str(work_dir), '--first', '3', '--last', '5', '--json']) == 1
    told = json.loads(capsys.readouterr().out)
    difference = {'number': 3, 'field': 'seed', 'journal': 77, 'recomputed': 0}
    assert told == {'recomputed': 3, 'differences': [difference]}


@pytest.mark.parametrize('name', ['search_config.py', 'probes.pt', 'journal.jsonl'])
def test_what_is_missing_is_named(work_dir: Path, capsys, name: str) -> None:
    (work_dir / name).unlink()
    assert main(['replay', str(work_dir)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert name in line and (name != 'search_config.py' or '--config CONFIG' in line)


def test_config_can_be_named(work_dir: Path, finished: Path, capsys) -> None:
    (work_dir / 'search_config.py').unlink()
    assert main(['replay', str(work_dir), '--config', str(finished.parent / 'toy_search.py'), '--last', '3']) == 0
    assert capsys.readouterr().out.startswith('4 proposals')


def test_nothing_to_recompute(work_dir: Path, capsys) -> None:
    assert main(['replay', str(work_dir), '--first', '999']) == 2
    assert 'nothing to recompute' in capsys.readouterr().err
