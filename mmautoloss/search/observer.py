"""Who is told what happens in a search."""

from __future__ import annotations

from collections.abc import Iterable

from mmautoloss.search.planner import Planner
from mmautoloss.trial import History, Trial


class Observer:
    """Is told what happens; the base says nothing."""

    def begin(self, history: History, planner: Planner) -> None:
        """The search begins, or goes on after a resume."""

    def proposed(self, trial: Trial, history: History) -> None:
        """A trial begins."""

    def settled(self, trial: Trial, history: History) -> None:
        """A trial has its outcome."""

    def beat(self, history: History) -> None:
        """A heartbeat has gone by, also while nothing settles; called in another thread."""

    def end(self, history: History) -> None:
        """The search is over, or was stopped."""


class Observers(Observer):
    """Several that are told, one after the other.

    Args:
        members: They.
    """

    def __init__(self, members: Iterable[Observer]) -> None:
        self.members = tuple(members)

    def begin(self, history: History, planner: Planner) -> None:
        """The search begins, or goes on after a resume."""
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
        """A heartbeat has gone by."""
        for member in self.members:
            member.beat(history)

    def end(self, history: History) -> None:
        """The search is over, or was stopped."""
        for member in self.members:
            member.end(history)
