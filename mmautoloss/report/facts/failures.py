"""Trials that failed, by what their reasons have in common."""

from __future__ import annotations

from typing import NamedTuple

from mmautoloss.report.facts.table import Table
from mmautoloss.report.status import Failure
from mmautoloss.trial import History

COLUMNS = ('count', 'reason', 'trials')


class Example(NamedTuple):
    """The whole reason of one of several trials that failed alike.

    Attributes:
        trial: Its number.
        reason: The text, such as a traceback.
    """

    trial: int
    reason: str


def failures_of(failures: tuple[Failure, ...]) -> Table:
    """Reasons, most frequent first; ``trials`` are their numbers."""
    return Table(COLUMNS, tuple((each.count, each.reason, ' '.join(map(str, each.trials))) for each in failures))


def example_of(failure: Failure, history: History) -> Example:
    """The latest trial that failed so."""
    number = failure.trials[-1]
    return Example(number, history[number].required_outcome.reason.strip())
