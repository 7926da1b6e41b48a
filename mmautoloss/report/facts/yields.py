"""The number of expressions drawn for each candidate, over the search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mmautoloss.report.facts.table import Table
from mmautoloss.screen import ACCEPTED
from mmautoloss.trial import Record, Role, Trial

COLUMNS = ('first', 'last', 'hours', 'drawn', 'accepted', 'per_1000', 'seconds', 'per_minute')
_BINS = 30
_MIN_GROUP = 3
"""Minimum size of a group, since single candidates differ a thousandfold."""


def yields_of(record: Record) -> Table:
    """Searched candidates in groups of equal size, by number.

    Returns:
        ``first`` and ``last`` trial of a group; ``hours``, the hours of search until its last settled trial;
        ``per_1000``, accepted expressions per 1000 drawn ones; ``seconds`` spent proposing, and drawn expressions
        ``per_minute`` of that time; None where unknown.
    """
    trials = [trial for trial in record.history.of_role(Role.SEARCH, Role.LEG) if trial.funnel]
    size = max(_MIN_GROUP, -(-len(trials) // _BINS))
    groups = [trials[start : start + size] for start in range(0, len(trials), size)]
    return Table(COLUMNS, tuple(_row(group, record) for group in groups))


def _row(group: Sequence[Trial], record: Record) -> tuple:
    funnel: Counter[str] = Counter()
    for trial in group:
        funnel.update(trial.funnel)
    drawn, accepted = sum(funnel.values()), funnel[ACCEPTED]
    settled = [record.settled_elapsed[t.number] for t in group if t.number in record.settled_elapsed]
    times = [record.proposal_seconds[t.number] for t in group if t.number in record.proposal_seconds]
    seconds = sum(times) if len(times) == len(group) else None
    return (
        group[0].number,
        group[-1].number,
        max(settled) / 3600 if settled else None,
        drawn,
        accepted,
        1000 * accepted / drawn,
        seconds,
        60 * drawn / seconds if seconds else None,
    )
