"""Observers, which are notified of the events of a search."""

from __future__ import annotations

from collections.abc import Iterable

from mmautoloss.search.planner import Planner
from mmautoloss.trial import History, Trial


class Observer:
    """Receives the events of a search; the base class ignores them."""

    def begin(self, history: History, planner: Planner) -> None:
        """The search begins or is resumed."""

    def proposed(self, trial: Trial, history: History) -> None:
        """A trial begins."""

    def settled(self, trial: Trial, history: History) -> None:
        """A trial has its outcome."""

    def beat(self, history: History) -> None:
        """A heartbeat, which occurs even while nothing settles; called in another thread."""

    def retired(self, line: str) -> None:
        """A worker is no longer used, as its device failed again and again."""

    def end(self, history: History) -> None:
        """The search is over, or was stopped."""


class Observers(Observer):
    """Passes events to several observers in turn.

    Args:
        members: The observers.
    """

    def __init__(self, members: Iterable[Observer]) -> None:
        self.members = tuple(members)

    def begin(self, history: History, planner: Planner) -> None:
        """The search begins or is resumed."""
        for member in self.members:
            member.begin(history, planner)

    def proposed(self, trial: Trial, history: History) -> None:
        """A trial begins."""
        for member in self.members:
            member.proposed(trial, history)

    def settled(self, trial: Trial, history: History) -> None:
        """A trial has its outcome."""
        for member in self.members:
            member.settled(trial, history)

    def beat(self, history: History) -> None:
        """A heartbeat."""
        for member in self.members:
            member.beat(history)

    def retired(self, line: str) -> None:
        """A worker is no longer used."""
        for member in self.members:
            member.retired(line)

    def end(self, history: History) -> None:
        """The search is over, or was stopped."""
        for member in self.members:
            member.end(history)
