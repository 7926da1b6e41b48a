"""Crashes in the midst of a line, and bytes that the disk gives back altered."""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

import pytest

from mmautoloss.errors import JournalError
from mmautoloss.trial import Journal, Outcome, Pulse, Role, State, Trial, read_journal
from tests.test_trial.children import HEADER, count_lines, fork, kill, wait_for, write_trials


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of two settled trials; its last line is an outcome."""
    path = tmp_path / 'journal.jsonl'
    write_trials(path, 2)
    return path


def test_last_line_torn_anywhere(path: Path) -> None:
    content = path.read_bytes()
    last = content.rindex(b'\n', 0, -1) + 1
    for end in range(last, len(content)):
        path.write_bytes(content[:end])
        assert read_journal(path).history[1].outcome is None
        journal = Journal(path, HEADER, {}, resume=True)
        journal.settle(1, Outcome(State.COMPLETE, 0.5), 9.0)
        journal.close()
        assert path.read_bytes()[:last] == content[:last]
        assert read_journal(path).history[1].score == 0.5
    assert end > last + 100


def test_zeros_after_a_power_failure(path: Path) -> None:
    """Some file systems lengthen a file before they write into it."""
    content = path.read_bytes()
    path.write_bytes(content + bytes(4096))
    assert len(read_journal(path).history) == 2
    Journal(path, HEADER, {}, resume=True).close()
    assert path.read_bytes() == content


@pytest.mark.parametrize('kind', ['"search"', '"started"', '"proposed"', '"settled"'])
@pytest.mark.parametrize('bit', [1, 32])
def test_every_altered_byte_is_found(path: Path, kind: str, bit: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    number = next(number for number, line in enumerate(lines) if kind.encode() in line)
    for place in range(len(lines[number]) - 1):
        altered = bytearray(lines[number])
        altered[place] ^= bit
        path.write_bytes(b''.join([*lines[:number], bytes(altered), *lines[number + 1 :]]))
        with pytest.raises(JournalError, match=f'line {number + 1} is damaged'):
            read_journal(path)


def test_altered_number_is_found_where_it_still_is_json(path: Path) -> None:
    text = path.read_text()
    path.write_text(text.replace('"elapsed":2.0', '"elapsed":3.0'))
    assert path.read_text() != text
    with pytest.raises(JournalError, match=r'line 6 is damaged: its checksum is .* but it should be'):
        read_journal(path)
    with pytest.raises(JournalError, match='line 6 is damaged'):
        Journal(path, HEADER, {}, resume=True)


@pytest.mark.parametrize('damage', ['dropped', 'doubled', 'joined'])
def test_lines_that_are_missing_or_too_many(path: Path, damage: str) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    new = {'dropped': [], 'doubled': lines[2:3] * 2, 'joined': [lines[2][:-1]]}[damage]
    path.write_bytes(b''.join([*lines[:2], *new, *lines[3:]]))
    with pytest.raises(JournalError, match=r'line [34] is damaged'):
        read_journal(path)


def test_damage_far_in_a_long_journal_has_its_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, 'fsync', lambda descriptor: None)
    write_trials(path, 1000)
    lines = path.read_bytes().splitlines(keepends=True)
    for number in (255, 256, 257, 1500):
        altered = [*lines[:number], lines[number].replace(b':', b';', 1), *lines[number + 1 :]]
        path.write_bytes(b''.join(altered))
        with pytest.raises(JournalError, match=f'line {number + 1} is damaged'):
            read_journal(path)


def test_two_threads_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their lines are whole, though the disk takes a few bytes at a time and other threads run in between."""
    monkeypatch.setattr(os, 'fsync', lambda descriptor: None)
    write = os.write

    def write_few(descriptor: int, content: memoryview) -> int:
        time.sleep(0)
        return write(descriptor, content[:100])

    monkeypatch.setattr(os, 'write', write_few)
    journal = Journal(path, HEADER, {}, resume=True)
    journal.begin(1, 30.0, {})
    over = threading.Event()
    pulses = [Pulse('local-0', 1, 'train', 10, 0.5, 'node7:4711 GPU 2')] * 20
    beats = []

    def beat() -> None:
        while not over.is_set() or len(beats) < 50:
            journal.beat(pulses, 1.0)
            beats.append(1)

    threads = [threading.Thread(target=beat) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(2, 102):
        journal.propose(Trial(number, Role.BASELINE, seed=number))
        journal.settle(number, Outcome(State.COMPLETE, number / 7), float(number))
    over.set()
    for thread in threads:
        thread.join()
    journal.close()
    record = read_journal(path)
    assert [trial.score for trial in record.history][2:] == [number / 7 for number in range(2, 102)]
    assert path.read_bytes().count(b'"event":"beat"') == len(beats) and len(record.pulses) == 20


def test_killed_again_and_again(tmp_path: Path) -> None:
    path, rng = tmp_path / 'journal.jsonl', random.Random(0)
    settled = {}
    for deaths in range(1, 9):
        child = fork(write_trials, path)
        enough = count_lines(path) + rng.randrange(3, 40)
        wait_for(lambda enough=enough: count_lines(path) >= enough)
        kill(child)
        record = read_journal(path)
        scores = {trial.number: trial.score for trial in record.history if trial.outcome}
        assert settled.items() <= scores.items(), 'what was written stays'
        assert [session.ended for session in record.sessions] == [True] * (deaths - 1) + [False]
        assert len(record.history.running()) <= 1
        settled = scores
    assert settled == {number: number / 7 for number in range(len(settled))} and len(settled) > 20
