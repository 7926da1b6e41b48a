"""Which operators stand in good losses more often than in all."""

from __future__ import annotations

from collections.abc import Sequence

from mmautoloss.expr import PRIMITIVES
from mmautoloss.report.facts.progress import is_found
from mmautoloss.report.facts.table import Table
from mmautoloss.report.statistics import interval
from mmautoloss.trial import History, Role, Trial

COLUMNS = ('operator', 'good', 'of_good', 'good_share', 'low', 'high', 'all', 'of_all', 'all_share')
LEAST = 8
"""Trained candidates below which a top quarter says nothing."""


def operators_of(history: History) -> Table:
    """Searched candidates that have an operator in any of their branches, among the best quarter and among all trained.

    Returns:
        ``good`` of ``of_good`` and ``all`` of ``of_all`` candidates have it; ``low`` and ``high`` end the 95 % interval of
        ``good_share``. No rows with fewer than ``LEAST`` trained candidates.
    """
    trained = [trial for trial in history.of_role(Role.SEARCH) if is_found(trial)]
    if len(trained) < LEAST:
        return Table(COLUMNS)
    sets = [_operators(trial) for trial in sorted(trained, key=lambda trial: (-trial.required_score, trial.number))]
    good = sets[: -(-len(sets) // 4)]
    rows = [_row(name, good, sets) for name in PRIMITIVES if any(name in each for each in sets)]
    rows.sort(key=lambda row: (row[8] - row[3], row[0]))
    return Table(COLUMNS, tuple(rows))


def _operators(trial: Trial) -> frozenset[str]:
    return frozenset(node for tree in trial.required_genome.values() for node in tree.nodes) & PRIMITIVES.keys()


def _row(name: str, good: Sequence[frozenset[str]], sets: Sequence[frozenset[str]]) -> tuple:
    hits, hits_all = (sum(name in each for each in group) for group in (good, sets))
    low, high = interval(hits, len(good))
    return name, hits, len(good), hits / len(good), low, high, hits_all, len(sets), hits_all / len(sets)
