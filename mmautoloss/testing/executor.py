"""An executor without any work: outcomes from a function, time from a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import replace

from mmautoloss.execute.base import Executor
from mmautoloss.search import Observer
from mmautoloss.trial import History, Outcome, Trial


class VirtualExecutor(Executor):
    """Finishes jobs by their virtual durations, the next one whenever the search waits.

    Args:
        outcome: Gives the outcome of a trial.
        duration: Gives the virtual seconds that a trial takes; equal ones finish by number.
        slots: How many trials run at the same time.

    Attributes:
        now: Virtual seconds since the beginning.
    """

    def __init__(
        self,
        outcome: Callable[[Trial], Outcome],
        duration: Callable[[Trial], float] = lambda trial: 1.0,
        slots: int = 1,
    ) -> None:
        self.slots = slots
        self.now = 0.0
        self._outcome = outcome
        self._duration = duration
        self._running: list[tuple[float, Trial, Future[Outcome]]] = []

    def submit(self, trial: Trial) -> Future[Outcome]:
        """Begins a trial at the present virtual time.

        Raises:
            RuntimeError: More trials run than there are slots.
        """
        if len(self._running) >= self.slots:
            raise RuntimeError(f'All {self.slots} slots are busy.')
        future: Future[Outcome] = Future()
        self._running.append((self.now + self._duration(trial), trial, future))
        return future

    def wait(self, running: Collection[Future[Outcome]]) -> Collection[Future[Outcome]]:
        """Lets the clock run until the next job is done; a search never waits for nothing."""
        done = [future for future in running if future.done()]
        if not done:
            self._running.sort(key=lambda job: (job[0], job[1].number))
            self.now, trial, future = self._running.pop(0)
            future.set_result(replace(self._outcome(trial), seconds=self._duration(trial)))
            done = [future]
        return done


class Recorder(Observer):
    """Writes down what happens, as lines of text such as ``+3 search`` and ``-3 complete``."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def proposed(self, trial: Trial, history: History) -> None:
        self.events.append(f'+{trial.number} {trial.role.value}')

    def settled(self, trial: Trial, history: History) -> None:
        self.events.append(f'-{trial.number} {trial.state.value}')
