"""Trials of the toy and what tests of executors do with them."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmautoloss.branches import Branch
from mmautoloss.execute import Executor
from mmautoloss.expr import Genome
from mmautoloss.proxy import ProxySettings
from mmautoloss.testing.toy_searches import BASE, SEARCH
from mmautoloss.trial import Outcome, Pulse, Role, Trial

FAULTY = 'tanh'
"""The operator in the loss of a trial that is slow, or also kills its process."""

GOOD = Genome.from_text({'cls': '-y * log(p)', 'box': '(p - y) ** 2'})
BAD = Genome.from_text({'cls': f'-y * log({FAULTY}(p))', 'box': 'abs(p - y)'})
INFINITE = Genome.from_text({'cls': '-y * p', 'box': 'exp(exp(exp(exp(p + 9)))) * y'})
BROKEN = Genome.from_text({'cls': '-y * log(p)'})
"""Lacks a branch, so that an exception is raised."""


def toy_settings(work_dir: Path, **faults: Any) -> ProxySettings:
    """Settings of trials that train the toy for eight iterations, with faults of ``testing.fault_injection``."""
    config = copy.deepcopy(BASE)
    config['model']['faults'] = faults
    branches = tuple(Branch(name, **entry) for name, entry in SEARCH['branches'].items())
    schedule = SEARCH['proxy']['schedule']
    return ProxySettings(config, branches, schedule, 'toy/score', True, None, str(work_dir))


def make_trial(genome: Genome | None, number: int, seed: int = 0) -> Trial:
    """A candidate, or the hand-made losses."""
    if genome is None:
        return Trial(number, Role.BASELINE, seed)
    return Trial(number, Role.SEARCH, seed, genome, {'cls': 1 / 3, 'box': 0.5})


def finish(executor: Executor, futures: Sequence[Future[Outcome]]) -> list[Outcome]:
    """The outcomes, gathered as in a search."""
    pending = set(futures)
    while pending:
        done = executor.wait(pending)
        assert done and set(done) <= pending and all(future.done() for future in done)
        pending -= set(done)
    return [future.result() for future in futures]


def comparable(outcome: Outcome) -> Outcome:
    """The outcome without the values that may differ between workers and between runs."""
    return replace(outcome, seconds=0.0, stages={}, worker='', attempts=1)


class Watch:
    """Polls the pulses of an executor in a thread of its own.

    Attributes:
        seen: All pulses.
        error: The error that was raised, if any.
    """

    def __init__(self, executor: Executor) -> None:
        self.seen: list[Pulse] = []
        self.error: Exception | None = None
        self._executor = executor
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        try:
            while not self._end.wait(0.01):
                self.seen += self._executor.pulses()
        except Exception as error:  # kept for the test, since an error in this thread would be ignored
            self.error = error
