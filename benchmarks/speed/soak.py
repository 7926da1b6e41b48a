"""Does anything grow in a long search?

10,000 candidates that cost nothing through the real driver (journal on disk, evolution, console), then real trainings
through the reused Runner (of the toy; without --quick also 30 of Faster R-CNN on digit scenes), and the reading of a
journal of 100,000 trials.

    python benchmarks/speed/soak.py [--quick]

The last line is one JSON object: ``rss_growth_mb`` (memory gained between the first tenth and the end of either part, the
larger one), ``fd_growth`` (open files likewise) and ``journal_100k_s`` (seconds to read the journal).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from memory import MB, resident
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer
from simulation import made_up, search

from mmautoloss.engine import spec_of
from mmautoloss.expr import Genome, random_tree
from mmautoloss.proxy import ProxyEvaluator, ProxySettings
from mmautoloss.testing.toy_searches import toy_config
from mmautoloss.testing.virtual_executor import VirtualExecutor
from mmautoloss.trial import Journal, Outcome, Role, State, Trial, read_journal

ROOT = Path(__file__).resolve().parents[2]


class Usage(NamedTuple):
    """What this process holds."""

    rss_mb: float
    files: int
    threads: int
    managed: int

    @classmethod
    def now(cls) -> Usage:
        gc.collect()
        managers = (MMLogger, MessageHub, Visualizer, DefaultScope)
        return cls(
            rss_mb=resident() / MB,
            files=len(os.listdir('/proc/self/fd')),
            threads=threading.active_count(),
            managed=sum(len(manager._instance_dict) for manager in managers),
        )

    def growth(self, later: Usage) -> Usage:
        return Usage(*(b - a for a, b in zip(self, later, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='under 50 s on two cores')
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        grown = [soak_driver(Path(folder), 10_000), soak_proxies(toy(Path(folder)), 600 if quick else 3000)]
        if not quick:
            grown.append(soak_proxies(digits(Path(folder)), 30))
        seconds = time_journal(Path(folder), 100_000)
    worst = {
        'rss_growth_mb': round(max(each.rss_mb for each in grown), 1),
        'fd_growth': max(each.files for each in grown),
        'journal_100k_s': round(seconds, 2),
    }
    print(json.dumps(worst))


def soak_driver(folder: Path, trials: int) -> Usage:
    """Growth from the first tenth to the end of a search of candidates that cost nothing."""
    seen: list[Usage] = []

    def outcome(trial: Trial) -> Outcome:
        if trial.number == trials // 10:
            seen.append(Usage.now())
        return made_up(trial)

    began = time.perf_counter()
    journal = search(folder / 'driver.jsonl', VirtualExecutor(outcome, slots=4), trials)
    seconds = time.perf_counter() - began
    return tell(f'{len(journal.history)} trials through the driver in {seconds:.0f} s', seen[0], Usage.now())


def soak_proxies(settings: ProxySettings, trials: int) -> Usage:
    """Growth from the first tenth to the end of trainings in one reused Runner."""
    evaluator = ProxyEvaluator(settings)
    seen, began = None, time.perf_counter()
    for number in range(trials):
        outcome = evaluator.evaluate(Trial(number, Role.BASELINE, seed=0))
        if outcome.state is not State.COMPLETE:
            raise RuntimeError(outcome.reason)
        if number == max(1, trials // 10):
            seen = Usage.now()
    seconds = time.perf_counter() - began
    later = Usage.now()
    evaluator.close()
    return tell(f'{trials} trainings in {seconds:.0f} s', seen, later)


def tell(what: str, earlier: Usage, later: Usage) -> Usage:
    grown = earlier.growth(later)
    print(
        f'{what}: {grown.rss_mb:+.1f} MB from {earlier.rss_mb:.0f}, {grown.files:+d} files, {grown.threads:+d} threads, '
        f"{grown.managed:+d} entries in MMEngine's managers"
    )
    return grown


def toy(folder: Path) -> ProxySettings:
    schedule = {'type': 'IterBasedTrainLoop', 'max_iters': 1}
    return spec_of(toy_config(folder, {'proxy.schedule': schedule})).proxy


def digits(folder: Path) -> ProxySettings:
    from mmautoloss.engine import load_search_config

    spec = spec_of(
        load_search_config(str(ROOT / 'configs/digits/faster_rcnn_short_search.py'), str(folder / 'digits'))
    )
    return replace(spec.proxy, schedule={**spec.proxy.schedule, 'max_iters': 4})


def time_journal(folder: Path, trials: int) -> float:
    """Seconds to read a journal of a search of four branches."""
    path = folder / 'long.jsonl'
    write_journal(path, trials)
    size = path.stat().st_size / 2**20
    began = time.perf_counter()
    record = read_journal(path)
    seconds = time.perf_counter() - began
    if len(record.history.settled()) != trials:
        raise RuntimeError(f'Read {len(record.history.settled())} of {trials} trials.')
    print(f'a journal of {trials} trials, {size:.0f} MB, is read in {seconds:.2f} s')
    return seconds


def write_journal(path: Path, trials: int) -> None:
    """A journal as a search of Faster R-CNN writes it, but for the waiting until each line is on the disk."""
    rng = random.Random(0)
    branches = ('rpn_cls', 'rpn_box', 'roi_cls', 'roi_box')
    genomes = [Genome({name: random_tree(rng, ('p', 'y'), 3) for name in branches}) for _ in range(500)]
    sync: Callable[[int], None] = os.fsync
    os.fsync = lambda file: None
    try:
        journal = Journal(path, {'metric': 'coco/bbox_mAP'}, {})
        journal.begin(4, 30.0, {})
        for number in range(trials):
            weights = {name: rng.random() for name in branches}
            funnel = {'no target': rng.randrange(9000), 'low gain': rng.randrange(900), 'accepted': 4}
            fields = {'parent': number // 2, 'origin': 'insert(rpn_cls)', 'fingerprint': str(rng.random())}
            genome = genomes[rng.randrange(500)]
            journal.propose(Trial(number, Role.SEARCH, 0, genome, weights, **fields, funnel=funnel))
            metrics = {
                f'coco/bbox_{name}': rng.random() for name in ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')
            }
            stages = {'train': 11.2345678, 'validate': 2.3456789}
            outcome = Outcome(State.COMPLETE, rng.random(), metrics, 13.6, '', stages, 'local-0')
            journal.settle(number, outcome, elapsed=float(number))
        journal.close()
    finally:
        os.fsync = sync


if __name__ == '__main__':
    main()
