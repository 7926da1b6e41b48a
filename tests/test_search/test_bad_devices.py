"""A search whose devices fail loses no trial, says which device it gave up, and ends where none is left."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from mmautoloss.errors import SetupError
from mmautoloss.execute import WorkerSpoilt, WorkerUnprepared
from mmautoloss.report.live.status_page import print_status
from mmautoloss.report.status import status_of
from mmautoloss.search import run_search
from mmautoloss.testing.virtual_executor import Recorder
from mmautoloss.trial import RETIRED, History, Journal, Outcome, State, read_journal
from tests.test_execute.straw_devices import Machine, Rule
from tests.test_search.conftest import Search

ECC = WorkerSpoilt('RuntimeError: CUDA error: uncorrectable ECC error encountered')
LOST = WorkerUnprepared('RuntimeError: No CUDA GPUs are available')
SCORED = Outcome(State.COMPLETE, 0.5)


class Told(Recorder):
    """Keeps the lines about retired workers."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def retired(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def run(search: Search) -> Callable[..., tuple[History, Told]]:
    def run(rule: Rule, slots: int, resume: bool = False) -> tuple[History, Told]:
        journal, told = Journal(search.path, {'seed': 3}, {}, resume), Told()
        executor = Machine(slots, rule, polls=40)
        try:
            run_search(journal, search.planner(max_trials=20), executor, told)
        finally:
            executor.close()
            journal.close()
        return journal.history, told

    return run


def printed(path: Path) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_status(status_of(read_journal(path), time.time(), lives=False), path.parent, console)
    return console.file.getvalue()


def test_bad_device_of_three(run: Callable, search: Search) -> None:
    history, told = run(lambda index, number: ECC if index == 1 else SCORED, 3)
    assert history.settled() and all(trial.score == 0.5 for trial in history.settled())
    [line] = told.lines
    assert line.startswith('gpu-1 is no longer used: GPU 1: failed 3 times in a row: ') and 'ECC' in line
    assert [pulse.worker for pulse in read_journal(search.path).pulses if pulse.phase == RETIRED] == ['gpu-1']
    assert 'gpu-1' in printed(search.path) and 'uncorrectable ECC' in printed(search.path)


def test_search_without_a_device_ends_with_one_error_and_goes_on(run: Callable, search: Search) -> None:
    with pytest.raises(SetupError, match=r'No worker is left(.|\n)*gpu-0(.|\n)*gpu-1'):
        run(lambda index, number: SCORED if number < 8 else LOST, 2)
    record = read_journal(search.path)
    assert 'No worker is left' in (record.ended or '')
    unfinished = [trial.number for trial in record.history.running()]
    assert unfinished and 'retired' in printed(search.path)
    history, told = run(lambda index, number: SCORED, 2, resume=True)
    assert not history.running() and not told.lines
    assert all(history[number].score == 0.5 for number in unfinished)
