"""Operators that occur in good losses more often than in all losses."""

from __future__ import annotations

from collections.abc import Sequence

from mmautoloss.expr import PRIMITIVES
from mmautoloss.report.facts.progress import is_found
from mmautoloss.report.facts.table import Table
from mmautoloss.report.statistics import interval
from mmautoloss.trial import History, Role, Trial

COLUMNS = ('operator', 'good', 'of_good', 'good_share', 'low', 'high', 'all', 'of_all', 'all_share')
LEAST = 8
"""Minimum number of trained candidates for which a top quarter is meaningful."""


def operators_of(history: History) -> Table:
    """Counts of candidates with an operator in any branch, in the best quarter and in all trained searched candidates.

    Returns:
        ``good`` of ``of_good`` and ``all`` of ``of_all`` candidates have the operator; ``low`` and ``high`` bound the 95 %
        interval of ``good_share``. Empty with fewer than ``LEAST`` trained candidates.
    """
    trained = [trial for trial in history.of_role(Role.SEARCH) if is_found(trial)]
    if len(trained) < LEAST:
        return Table(COLUMNS)
    ranked = sorted(trained, key=lambda trial: (-history.estimate(trial.number), trial.number))
    operator_sets = [_operators(trial) for trial in ranked]
    good = operator_sets[: -(-len(operator_sets) // 4)]
    rows = [
        _row(name, good, operator_sets) for name in PRIMITIVES if any(name in operators for operators in operator_sets)
    ]
    rows.sort(key=lambda row: (row[8] - row[3], row[0]))
    return Table(COLUMNS, tuple(rows))


def _operators(trial: Trial) -> frozenset[str]:
    return frozenset(node for tree in trial.required_genome.values() for node in tree.nodes) & PRIMITIVES.keys()


def _row(name: str, good: Sequence[frozenset[str]], trained: Sequence[frozenset[str]]) -> tuple:
    hits, hits_all = (sum(name in operators for operators in group) for group in (good, trained))
    low, high = interval(hits, len(good))
    return name, hits, len(good), hits / len(good), low, high, hits_all, len(trained), hits_all / len(trained)
