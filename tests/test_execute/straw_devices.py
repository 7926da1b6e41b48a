"""An executor whose devices do as a rule says."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from mmautoloss.execute import Limits, SupervisedExecutor, Worker
from mmautoloss.trial import Outcome, Pulse, Trial

Rule = Callable[[int, int], Outcome | Exception]
"""What a device, by its index, makes of a trial, by its number."""


class Device(Worker):
    """Answers each trial by a rule; an outcome takes a while, so that others are busy meanwhile."""

    def __init__(self, rule: Rule, index: int, seen: Counter, polls: int) -> None:
        self.rule, self.index, self.seen, self.each = rule, index, seen, polls
        self.trial: int | None = None
        self.polls = 0

    def begin(self, trial: Trial, limit: float | None) -> None:
        self.trial, self.polls = trial.number, 0

    def news(self) -> Iterator[Pulse | Outcome]:
        if self.trial is None:
            return
        number, self.polls = self.trial, self.polls + 1
        if self.polls < self.each:
            return
        self.trial = None
        answer = self.rule(self.index, number)
        self.seen[self.index] += 1
        if isinstance(answer, Exception):
            raise answer
        yield answer

    def kill(self) -> None:
        pass


class Machine(SupervisedExecutor[Device]):
    """Devices with a rule."""

    def __init__(self, slots: int, rule: Rule, limits: Limits | None = None, polls: int = 3) -> None:
        super().__init__(slots, limits, prefix='gpu')
        self.rule, self.polls = rule, polls
        self.seen: Counter = Counter()
        self._news = threading.Event()

    def _start(self, index: int, name: str) -> Device:
        return Device(self.rule, index, self.seen, self.polls)

    def _place(self, index: int) -> str:
        return f'GPU {index}'

    def _sleep(self, workers: Sequence[Device], seconds: float) -> None:
        self._news.wait(0.002)
        self._news.clear()

    def _wake(self) -> None:
        self._news.set()
