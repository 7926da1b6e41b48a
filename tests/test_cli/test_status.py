"""``mmautoloss status`` on journals that are written for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip('mmengine')

from mmautoloss.__main__ import main
from mmautoloss.expr import Genome
from mmautoloss.trial import Journal, Outcome, Pulse, Role, State, Trial

HEADER = {'metric': 'toy/score', 'rule': 'greater'}
BUDGET = {'max_trials': 8, 'max_seconds': None, 'baseline_repeats': 0, 'finalists': 1, 'finalist_repeats': 1}
GENOME = Genome.from_text({'cls': '-y * log(p)', 'box': 'abs(p - y)'})


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A search that runs in this process."""
    journal = Journal(tmp_path / 'work' / 'journal.jsonl', HEADER, {})
    journal.begin(2, 600.0, BUDGET)
    journal.propose(Trial(0, Role.BASELINE, 0))
    journal.settle(0, Outcome(State.COMPLETE, 0.25, seconds=3.0, stages={'train': 2.5, 'validate': 0.5}), 3.0)
    for number in (1, 2, 3):
        journal.propose(Trial(number, Role.SEARCH, 0, GENOME, funnel={'accepted': 2, 'low gain': 40}))
    journal.settle(1, Outcome(State.COMPLETE, 0.75, seconds=3.0), 6.0)
    journal.settle(2, Outcome(State.FAILED, reason='not finite: loss_cls in iteration 3'), 7.0)
    journal.beat([Pulse('local-0', 3, 'train', 41, 1.5, 'node:12 GPU 1'), Pulse('local-1')], 9.0)
    yield journal
    journal.close()


def status(journal: Journal, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(['status', str(journal.path.parent), *options]) == 0
    return capsys.readouterr().out


def words(page: str) -> list[str]:
    """The lines of a page without the space between columns."""
    return [' '.join(line.split()) for line in page.splitlines()]


def test_stopped_ones_have_a_column_where_there_are_any(journal: Journal, capsys, monkeypatch) -> None:
    monkeypatch.setenv('COLUMNS', '100')
    assert 'trials running settled complete equivalent failed' in words(status(journal, capsys))
    journal.settle(3, Outcome(State.STOPPED, rung=0.125), 10.0)
    lines = words(status(journal, capsys))
    assert 'trials running settled complete equivalent stopped failed' in lines
    assert 'search - 3 1 - 1 1' in lines


def test_confirmation_has_its_progress_and_a_table(journal: Journal, capsys, monkeypatch) -> None:
    monkeypatch.setenv('COLUMNS', '100')
    journal.begin(2, 600.0, {**BUDGET, 'max_trials': 3, 'finalists': 0, 'confirm_seeds': 5})
    journal.settle(3, Outcome(State.COMPLETE, 0.125), 10.0)
    assert 'left to train 10 confirmations' in words(status(journal, capsys))
    for seed in range(3):
        for repeats, genome in ((0, None), (1, GENOME)):
            number = len(journal.history)
            journal.propose(Trial(number, Role.CONFIRM, 1000 + seed, genome, repeats=repeats))
            journal.settle(number, Outcome(State.COMPLETE, 0.5 + repeats / 4, seconds=3.0), 11.0 + number)
    lines = words(status(journal, capsys))
    for line in (
        'with fresh seeds mean spread seeds',
        'hand-made 0.5000 0.0000 3',
        'best, trial 1 0.7500 0.0000 3',
        'confirming 6 of 10',
        'left to train 4 confirmations',
    ):
        assert line in lines
    journal.end('done')
    assert any(
        line.startswith('No verdict: the best found and the hand-made losses have 3 fresh')
        for line in words(status(journal, capsys))
    )


def test_page_of_a_running_search(journal: Journal, capsys, monkeypatch) -> None:
    monkeypatch.setenv('COLUMNS', '80')
    page = status(journal, capsys)
    lines = words(page)
    assert lines[0].startswith('running, ')
    for line in (
        'toy/score (higher is better) mean spread seeds',
        'hand-made 0.2500 - 1',
        'best, trial 1 0.7500 - 1',
        'cls: -y * log(p)',
        'search 1 2 1 - 1',
        'low gain 120',
        '1 not finite: loss_cls in iteration #',
        'median training 3.0 s (train 2.5, validate 0.5)',
        'left to train 6 candidates, 1 finalist',
        'local-0 3 train 41 2 s node:12 GPU 1',
    ):
        assert line in lines, page
    assert any(line.startswith('expected end in ') for line in lines)
    assert max(len(line.rstrip()) for line in page.splitlines() if line != str(journal.path.parent)) <= 80


def test_log_of_a_failed_trial_is_named_where_there_is_one(journal: Journal, capsys, monkeypatch) -> None:
    monkeypatch.setenv('COLUMNS', '80')
    log = journal.path.parent / 'trials' / '00002' / 'log.txt'
    log.parent.mkdir(parents=True)
    log.touch()
    page = status(journal, capsys)
    assert '1 not finite: loss_cls in iteration # trials/00002/log.txt' in words(page), page


def test_error_is_shown_in_full_with_the_remedy(journal: Journal, capsys) -> None:
    journal.end('no space is left\non the disk')
    lines = words(status(journal, capsys))
    assert lines[0].startswith('stopped by an error') and lines[1:3] == ['no space is left', 'on the disk']
    assert lines[3] == 'once that is corrected, the same command with --resume goes on'


def test_json_is_one_object(journal: Journal, capsys) -> None:
    told = json.loads(status(journal, capsys, '--json'))
    assert told['state'] == 'running' and told['best']['trial'] == 1 and told['elapsed'] >= 9
    assert told['sessions'][0]['pid'] == os.getpid()


def test_watch_goes_on_until_the_end(journal: Journal, capsys, monkeypatch) -> None:
    waits = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            journal.end('done')

    monkeypatch.setattr('mmautoloss.cli.status.time', SimpleNamespace(time=time.time, sleep=wait))
    told = status(journal, capsys, '--json', '--watch', '0.5').splitlines()
    assert [json.loads(line)['state'] for line in told] == ['running', 'running', 'finished'] and waits == [0.5, 0.5]


def test_watch_ends_with_ctrl_c(journal: Journal, capsys, monkeypatch) -> None:
    def wait(seconds: float) -> None:
        assert seconds == 5
        raise KeyboardInterrupt

    monkeypatch.setattr('mmautoloss.cli.status.time', SimpleNamespace(time=time.time, sleep=wait))
    assert 'running' in status(journal, capsys, '--watch')


@pytest.mark.parametrize('seconds', ['0', '-1', 'inf', 'nan', 'soon'])
def test_watch_wants_seconds(journal: Journal, capsys, seconds: str) -> None:
    with pytest.raises(SystemExit):
        main(['status', str(journal.path.parent), f'--watch={seconds}'])
    assert '--watch' in capsys.readouterr().err


def test_process_that_is_gone_is_seen_at_once(tmp_path: Path, capsys) -> None:
    code = (
        'import os, sys\nfrom mmautoloss.trial import Journal\n'
        'journal = Journal(sys.argv[1], {}, {})\njournal.begin(1, 600.0, {})\nos._exit(1)'
    )
    subprocess.run([sys.executable, '-c', code, str(tmp_path / 'journal.jsonl')], check=False, timeout=120)
    assert main(['status', str(tmp_path)]) == 0
    lines = words(capsys.readouterr().out)
    assert lines[0].startswith('died') and lines[1].endswith('is gone')
    assert lines[2] == 'the same command with --resume goes on'


def test_torn_last_line_is_fine(journal: Journal, capsys) -> None:
    with journal.path.open('ab') as file:
        file.write(b'{"event":"settled","num')
    assert 'running' in status(journal, capsys)


@pytest.mark.parametrize(('name', 'error'), [('none', 'it does not exist'), ('empty', 'it has no journal.jsonl')])
def test_no_search_is_one_line_of_error(tmp_path: Path, capsys, name: str, error: str) -> None:
    (tmp_path / 'empty').mkdir()
    assert main(['status', str(tmp_path / name)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert error in line and '--work-dir' in line
