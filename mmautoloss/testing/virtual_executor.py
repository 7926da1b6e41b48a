"""An executor that trains nothing, with outcomes from a function and a virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import replace

from mmautoloss.execute.base import Executor
from mmautoloss.search import Observer
from mmautoloss.trial import History, Outcome, Pulse, State, Trial


class VirtualExecutor(Executor):
    """Finishes jobs by their virtual durations, the next one whenever the search waits.

    A trial that would take longer than its time limit fails at the limit.

    Args:
        outcome: Returns the outcome of a trial.
        duration: Returns the virtual seconds of a trial; trials that end at the same time finish by number.
        slots: Number of trials that run at the same time.

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
        self._limits: dict[int, float | None] = {}

    def submit(self, trial: Trial, limit: float | None = None) -> Future[Outcome]:
        """Begins a trial at the current virtual time.

        Raises:
            RuntimeError: More trials run than there are slots.
        """
        if len(self._running) >= self.slots:
            raise RuntimeError(f'All {self.slots} slots are busy.')
        future: Future[Outcome] = Future()
        seconds = self._duration(trial) if limit is None else min(self._duration(trial), limit)
        self._limits[trial.number] = limit
        self._running.append((self.now + seconds, trial, future))
        return future

    def wait(self, running: Collection[Future[Outcome]]) -> Collection[Future[Outcome]]:
        """Advances the clock to the end of the next trial, unless one is done already."""
        done = [future for future in running if future.done()]
        if not done:
            self._running.sort(key=lambda job: (job[0], job[1].number))
            self.now, trial, future = self._running.pop(0)
            future.set_result(self._measure(trial, self._limits.pop(trial.number)))
            done = [future]
        return done

    def pulses(self) -> Sequence[Pulse]:
        """One worker for each running trial."""
        return [Pulse(f'virtual-{slot}', job[1].number, 'train') for slot, job in enumerate(self._running)]

    def _measure(self, trial: Trial, limit: float | None) -> Outcome:
        seconds = self._duration(trial)
        if limit is not None and seconds > limit:
            return Outcome(State.FAILED, seconds=limit, reason=f'time limit: more than {limit} s')
        return replace(self._outcome(trial), seconds=seconds)


class Recorder(Observer):
    """Writes down what happens, as lines of text such as ``+3 search`` and ``-3 complete``."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def proposed(self, trial: Trial, history: History) -> None:
        self.events.append(f'+{trial.number} {trial.role.value}')

    def settled(self, trial: Trial, history: History) -> None:
        self.events.append(f'-{trial.number} {trial.state.value}')
