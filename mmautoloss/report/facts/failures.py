"""Failed trials, grouped by reason."""

from __future__ import annotations

from typing import NamedTuple

from mmautoloss.report.facts.table import Table
from mmautoloss.report.status import Failure
from mmautoloss.trial import History

COLUMNS = ('count', 'reason', 'trials')


class Example(NamedTuple):
    """The full reason of one of several trials that failed for the same reason.

    Attributes:
        trial: Its number.
        reason: The text, such as a traceback.
    """

    trial: int
    reason: str


def failures_of(failures: tuple[Failure, ...]) -> Table:
    """Reasons, most frequent first, with the numbers of their trials."""
    return Table(
        COLUMNS, tuple((failure.count, failure.reason, ' '.join(map(str, failure.trials))) for failure in failures)
    )


def example_of(failure: Failure, history: History) -> Example:
    """The latest trial that failed for this reason."""
    number = failure.trials[-1]
    return Example(number, history[number].required_outcome.reason.strip())
