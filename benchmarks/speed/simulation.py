"""Searches without models for benchmarks of the driver: real journal, planner, evolution and console, made-up scores."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from pathlib import Path

from rich.console import Console

from mmautoloss.branches import Branch
from mmautoloss.expr import Tree
from mmautoloss.losses import input_kind
from mmautoloss.report import ConsoleObserver
from mmautoloss.screen import ACCEPTED, Screen, Verdict
from mmautoloss.search import Budget, Planner, SearchSettings, run_search
from mmautoloss.strategy import RegularizedEvolution
from mmautoloss.testing.virtual_executor import VirtualExecutor
from mmautoloss.trial import Journal, Outcome, Role, State, Trial

BRANCHES = (Branch('cls', 'head.loss_cls', 'softmax'), Branch('box', 'head.loss_box', 'delta'))


class AllPass(Screen):
    """Accepts everything at no cost, so that what is measured is the driver; the fingerprint is the text."""

    def __init__(self) -> None:
        self.kind = input_kind('delta')

    def judge(self, tree: Tree) -> Verdict:
        return Verdict(ACCEPTED, 0.9, (float(hash(tree) % 10**9),))

    def fingerprint(self, verdict: Verdict, digits: int) -> str:
        return f'{verdict.signature[0]:.0f}'


def made_up(trial: Trial) -> Outcome:
    """A score that depends on number and seed, with metrics as a detector's validation gives them."""
    score = random.Random(f'{trial.number}/{trial.seed}').random()
    return Outcome(State.COMPLETE, score, {f'coco/bbox_{name}': score for name in ('mAP', 'mAP_50', 'mAP_75')})


def search(path: Path, executor: VirtualExecutor, trials: int) -> Journal:
    """Runs a search of so many candidates with the real driver; gives its journal, closed."""
    journal = Journal(path, {'metric': 'coco/bbox_mAP'}, {})
    inputs = {branch.name: branch.kind.names for branch in BRANCHES}
    settings = SearchSettings(seed=0, budget=Budget(max_trials=trials, max_failures=0, confirm_seeds=0))
    planner = Planner(settings, RegularizedEvolution(inputs, distinct=True), dict.fromkeys(inputs, AllPass()))
    with open(os.devnull, 'w') as nowhere:
        observer = ConsoleObserver(BRANCHES, 'coco/bbox_mAP', console=Console(file=nowhere, highlight=False))
        try:
            run_search(journal, planner, executor, observer)
        finally:
            journal.close()
    return journal


class ChargedExecutor(VirtualExecutor):
    """A virtual clock that also runs while the driver works: real seconds of the driver are virtual seconds of waiting.

    Attributes:
        driver: Real seconds that passed outside of the executor.
        busy: Virtual worker-seconds of work up to the last submission.
        span: Virtual seconds from the first moment at which all workers were busy to the last submission.
    """

    def __init__(self, outcome: Callable[[Trial], Outcome], duration: Callable[[Trial], float], slots: int) -> None:
        super().__init__(outcome, duration, slots)
        self.driver = self.busy = self.span = 0.0
        self._left = time.perf_counter()
        self._full = False
        self._area = self._since = 0.0

    def submit(self, trial: Trial, limit: float | None = None) -> Future[Outcome]:
        self._enter()
        future = super().submit(trial)
        self._full = self._full or len(self._running) == self.slots
        if trial.role is Role.SEARCH:  # finalists wait for the last candidate, as they must
            self.busy, self.span = self._area, self._since
        self._leave()
        return future

    def wait(self, running: Collection[Future[Outcome]]) -> Collection[Future[Outcome]]:
        self._enter()
        before = self.now
        due = min(job[0] for job in self._running)
        done = super().wait(running)
        self.now = max(before, due)  # one that was done while the driver worked has waited for it
        self._count(self.now - before, len(self._running) + 1)
        self._leave()
        return done

    def _enter(self) -> None:
        passed = time.perf_counter() - self._left
        self.driver += passed
        at_work = sum(max(0.0, min(passed, due - self.now)) for due, _, _ in self._running)
        self._count(passed, at_work / passed if passed else 0.0)
        self.now += passed

    def _leave(self) -> None:
        self._left = time.perf_counter()

    def _count(self, seconds: float, workers: float) -> None:
        if self._full:
            self._area += seconds * workers
            self._since += seconds
