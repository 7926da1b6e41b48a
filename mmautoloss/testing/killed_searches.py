"""Searches of the toy that are killed at a chosen event of their journal, each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mmautoloss.testing.forked import SERVER
from mmautoloss.testing.toy_searches import read_toy, run_toy


def run_to_next_event(config: Path, work: Path, seconds: float, events: int = 1) -> int | None:
    """Begins or continues a search until it has written so many events; then sends SIGKILL, before anything else happens.

    Args:
        config: The search.
        work: Its work dir.
        seconds: How long to wait.
        events: After how many events it is killed; its beginning is one only where there is no journal yet.

    Returns:
        The exit code of the process: -9 where it was killed, 0 where there was nothing left to do, None where it still runs.
    """
    process = SERVER.Process(target=_run, args=(config, work, events))
    process.start()
    process.join(seconds)
    return process.exitcode


def _run(config: Path, work: Path, events: int) -> None:
    torch.set_num_threads(1)
    journal = work / 'journal.jsonl'
    cfg = read_toy(config, work)
    cfg.train_cfg.resume = journal.exists()
    setattr(os, 'fsync', _sync_and_die(journal, os.fsync, events))  # noqa: B010 (its type tells the name of its argument)
    run_toy(cfg)


def _sync_and_die(journal: Path, sync: Callable[[Any], None], events: int) -> Callable[[Any], None]:
    known = len(_lines(journal))

    def sync_and_die(file: Any) -> None:
        sync(file)
        new = [json.loads(line)['event'] for line in _lines(journal)[known:]]
        # a resumed session writes an event at its start, which alone would make no progress
        if sum(not known or event not in ('started', 'ended') for event in new) >= events:
            os.kill(os.getpid(), signal.SIGKILL)

    return sync_and_die


def _lines(journal: Path) -> list[bytes]:
    return journal.read_bytes().splitlines() if journal.exists() else []
