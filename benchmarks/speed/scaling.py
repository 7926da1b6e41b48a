"""Are workers kept busy?

Two worker processes against one, on two cores, with single-threaded training of the toy; and 256 simulated workers with
uneven trial times under the real driver (journal on disk, evolution, console), where every millisecond of the driver is a
millisecond for which free workers wait.

    python benchmarks/speed/scaling.py [--quick]

The last line is one JSON object: ``two_workers`` (throughput of two workers over that of one), ``busy_256`` (share of
the time for which the simulated workers are at work) and ``driver_ms`` (milliseconds of driver a trial).
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from statistics import median

from simulation import ChargedExecutor, made_up, search

from mmautoloss.engine import spec_of
from mmautoloss.execute import LocalExecutor
from mmautoloss.testing.toy_searches import toy_config
from mmautoloss.trial import Role, Trial

WORKERS = 256
MEDIAN_SECONDS = 60.0
"""Of a simulated trial: a short proxy training on a GPU. Longer ones make it easier."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='under 50 s on two cores')
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        ratio = compare_workers(Path(folder), rounds=5, iterations=400 if quick else 3000)
        busy, milliseconds = simulate(Path(folder), trials=WORKERS * (10 if quick else 40))
    print(
        json.dumps({'two_workers': round(ratio, 3), 'busy_256': round(busy, 4), 'driver_ms': round(milliseconds, 3)})
    )


def compare_workers(folder: Path, rounds: int, iterations: int) -> float:
    """Throughput of two workers over that of one, the median of rounds that take turns."""
    schedule = {'type': 'IterBasedTrainLoop', 'max_iters': iterations}
    settings = spec_of(toy_config(folder, {'proxy.schedule': schedule})).proxy
    executors = [LocalExecutor(settings, workers, threads=1) for workers in (1, 2)]
    try:
        for executor in executors:
            rate(executor, executor.slots)  # starts the processes, builds their models
        ratios = []
        for _ in range(rounds):
            one, two = (rate(executor, 4 * executor.slots) for executor in executors)
            ratios.append(two / one)
            print(f'{one:.2f} trials a second with one worker, {two:.2f} with two: {two / one:.3f}')
    finally:
        for executor in executors:
            executor.close()
    return median(ratios)


def rate(executor: LocalExecutor, trials: int) -> float:
    """Trials a second, with every worker busy as long as there are trials."""
    began = time.perf_counter()
    running, left = set(), trials
    while running or left:
        while left and len(running) < executor.slots:
            running.add(executor.submit(Trial(0, Role.BASELINE, 0)))
            left -= 1
        running -= set(executor.wait(running))
    return trials / (time.perf_counter() - began)


def simulate(folder: Path, trials: int) -> tuple[float, float]:
    """Share of the time for which workers work, and milliseconds of driver a trial."""

    def duration(trial: Trial) -> float:
        return MEDIAN_SECONDS * random.Random(trial.number).lognormvariate(0.0, 0.5)

    executor = ChargedExecutor(made_up, duration, WORKERS)
    journal = search(folder / 'journal.jsonl', executor, trials)
    busy, milliseconds = executor.busy / (WORKERS * executor.span), 1000 * executor.driver / len(journal.history)
    print(
        f'{len(journal.history)} trials on {WORKERS} workers: {busy:.2%} busy, {milliseconds:.2f} ms of driver a trial'
    )
    return busy, milliseconds


if __name__ == '__main__':
    main()
