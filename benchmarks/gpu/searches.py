"""A search whose workers share one device: trainings an hour, and the memory that they need."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from machine import gpu_mb, session_mb
from visit import ROOT

SHARE = 0.8
"""Of the time limit of the step, for the search; its start is part of that."""

ENOUGH = {'cuda': 60, 'cpu': 8}
"""Trainings after which it ends before that."""

_SCENES = {'size': 64, 'train': 12, 'search_val': 4, 'val': 6, 'test': 3, 'seed': 3}
SMALL: dict[str, Any] = {
    'train_cfg.proxy.schedule.max_iters': 8,
    'train_dataloader.batch_size': 2,
    **{
        f'{split}_dataloader.dataset.scenes.{key}': value
        for split in ('train', 'val', 'test')
        for key, value in _SCENES.items()
    },
}
"""Settings of a search of the digits on the CPU, which only shows that the step works."""


def search_config(visit: Any) -> tuple[str, dict[str, Any]]:
    """The search config of the visit, and where its data are."""
    if visit.data:
        return str(ROOT / 'configs/bccd/faster_rcnn_search.py'), {'data_root': f'{visit.data.rstrip("/")}/'}
    return str(ROOT / 'configs/digits/faster_rcnn_short_search.py'), SMALL if visit.device == 'cpu' else {}


def run(visit: Any, workers: int) -> Iterator[dict[str, Any]]:
    """One row.

    Raises:
        RuntimeError: The search ends by itself, or too few trainings were done.
    """
    command, work = command_of(visit, workers), visit.folder / 'work'
    before, gpu, most = gpu_mb(), 0, 0
    process = subprocess.Popen(command, cwd=ROOT)
    began, seconds = time.monotonic(), SHARE * visit.seconds
    while process.poll() is None and time.monotonic() - began < seconds:
        time.sleep(1.0)
        gpu, most = max(gpu, gpu_mb() - before), max(most, session_mb())
        if len(finished(work)) >= ENOUGH[visit.device]:
            break
    status = process.poll()
    process.kill()  # its workers end with it
    process.wait()
    if status:
        raise RuntimeError(f'the search ended with {status}')
    ends = finished(work)
    if len(ends) <= workers:
        raise RuntimeError(f'only {len(ends)} trainings in {seconds:.0f} s, too few to tell a speed')
    # each worker's first training has its start in it
    rate = 3600 * (len(ends) - workers) / max(ends[-1] - ends[workers - 1], 1e-9)
    memory = {'processes_mb': most} | ({'gpu_mb': gpu} if visit.device == 'cuda' else {})
    yield {'workers': workers, 'trainings': len(ends), 'trainings_an_hour': round(rate), **memory}


def command_of(visit: Any, workers: int) -> list[str]:
    config, options = search_config(visit)
    shared = ['--gpus-per-candidate', f'{int(1000 / workers) / 1000:g}'] if visit.device == 'cuda' else []
    given = [f'{key}={value}' for key, value in options.items()]
    return [
        *(sys.executable, '-m', 'mmautoloss', 'search', config, '--work-dir', str(visit.folder / 'work')),
        *('--workers', str(workers), '--max-trials', '1000', *shared, *(['--cfg-options', *given] if given else [])),
    ]


def finished(work: Path) -> list[float]:
    """Seconds of the search at which trainings have ended, whether they have a score or not."""
    from mmautoloss.trial import State, read_journal

    if not (work / 'journal.jsonl').exists():
        return []
    record = read_journal(work / 'journal.jsonl')
    trained = [trial.number for trial in record.history.settled() if trial.state is not State.EQUIVALENT]
    return sorted(record.settled_elapsed[number] for number in trained)
