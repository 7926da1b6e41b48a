"""The loop over slots: submit, wait, settle."""

from __future__ import annotations

import time
from concurrent.futures import Future

from mmautoloss.errors import SetupError
from mmautoloss.execute import Executor
from mmautoloss.search.plan import Planner, SearchStalled
from mmautoloss.trial import History, Journal, Outcome, Role, State, Trial


class Observer:
    """Is told what happens; the base says nothing."""

    def begin(self, history: History, planner: Planner) -> None:
        """The search begins, or goes on after a resume."""

    def proposed(self, trial: Trial, history: History) -> None:
        """A trial begins."""

    def settled(self, trial: Trial, history: History) -> None:
        """A trial has its outcome."""

    def end(self, history: History) -> None:
        """The search is over, or was stopped."""


def run_search(journal: Journal, planner: Planner, executor: Executor, observer: Observer) -> None:
    """Runs a search to its end.

    Trials that the journal knows as begun but not settled are run first, with the same genome and seed: so a search that
    was killed goes on as if it had not been.

    Args:
        journal: Where the search is remembered.
        planner: Says what comes next.
        executor: Measures trials.
        observer: Is told what happens.

    Raises:
        SetupError: The hand-made losses cannot be trained or scored: nothing that follows would mean anything.
        SearchStalled: No new candidate can be found.
    """
    driver = _Driver(journal, planner, executor, observer)
    observer.begin(journal.history, planner)
    try:
        driver.run()
    finally:
        observer.end(journal.history)


class _Driver:
    def __init__(self, journal: Journal, planner: Planner, executor: Executor, observer: Observer) -> None:
        self.journal = journal
        self.history = journal.history
        self.planner = planner
        self.executor = executor
        self.observer = observer
        self.began = time.monotonic() - journal.elapsed
        self.running: dict[Future[Outcome], int] = {}

    def run(self) -> None:
        unfinished = self.history.running()
        while True:
            while len(self.running) < self.executor.slots:
                trial = unfinished.pop(0) if unfinished else self._propose()
                if trial is None:
                    break
                self._begin(trial)
            if not self.running:
                return
            for future in sorted(self.executor.wait(self.running), key=self.running.__getitem__):
                self._settle(self.running.pop(future), future.result())

    def _propose(self) -> Trial | None:
        if self.running and not self._baseline_known():
            return None  # a broken set-up shows in the first minute, on one trial
        trial = self.planner.next(self.history, self._elapsed())
        if trial is not None:
            self.journal.propose(trial)
        return trial

    def _begin(self, trial: Trial) -> None:
        self.observer.proposed(trial, self.history)
        twin = self.history.same_loss(trial.fingerprint) if trial.role in (Role.SEARCH, Role.KNOWN) else None
        if twin is not None:
            self._settle(trial.number, Outcome(State.EQUIVALENT, twin.score, reason=f'trial {twin.number}'))
            self._check_progress()
        else:
            self.running[self.executor.submit(trial)] = trial.number

    def _settle(self, number: int, outcome: Outcome) -> None:
        self.journal.settle(number, outcome, self._elapsed())
        trial = self.history[number]
        self.observer.settled(trial, self.history)
        if trial.role is Role.BASELINE and trial.state is State.FAILED:
            raise SetupError(f'The hand-made losses could not be trained and scored:\n{outcome.reason}')

    def _check_progress(self) -> None:
        limit = self.planner.settings.budget.max_repeats
        latest = self.history.settled()[-limit:]
        if len(latest) == limit and all(trial.state is State.EQUIVALENT for trial in latest):
            raise SearchStalled(
                f'{limit} candidates in a row are equal to earlier ones. Raise fresh_rate, depth or digits, '
                'or end here: the best so far are in the journal.'
            )

    def _baseline_known(self) -> bool:
        return bool(self.history.baseline_scores())

    def _elapsed(self) -> float:
        return time.monotonic() - self.began
