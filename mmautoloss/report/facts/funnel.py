"""The outcomes of all drawn expressions and of all candidates."""

from __future__ import annotations

from collections import Counter

from mmautoloss.report.facts.table import Table
from mmautoloss.screen import REASONS
from mmautoloss.trial import CANDIDATE_ROLES, History, State, Trial

COLUMNS = ('of', 'outcome', 'count', 'share')
EXPRESSIONS, CANDIDATES = 'expressions', 'candidates'


def funnel_of(history: History) -> Table:
    """Expressions by verdict, then candidates by outcome, with their shares of all expressions or all candidates.

    A candidate uses one accepted expression for each bred branch; known losses use none.
    """
    drawn = history.funnel()
    verdicts = [*REASONS, *sorted(set(drawn) - set(REASONS))]
    rows = _shares(EXPRESSIONS, 'drawn', {verdict: drawn[verdict] for verdict in verdicts if drawn[verdict]})
    states = Counter(map(_state, history.of_role(*CANDIDATE_ROLES)))
    words = ('trained', 'equivalent', 'stopped', 'failed', 'unfinished')
    rows += _shares(CANDIDATES, 'all', {word: states[word] for word in words if states[word]})
    return Table(COLUMNS, tuple(rows))


def _state(trial: Trial) -> str:
    return {State.COMPLETE: 'trained', State.RUNNING: 'unfinished'}.get(trial.state, trial.state.value)


def _shares(kind: str, whole: str, counts: dict[str, int]) -> list[tuple]:
    total = sum(counts.values())
    if not total:
        return []
    rows = [(kind, outcome, count, count / total) for outcome, count in counts.items()]
    return [(kind, whole, total, 1.0), *rows]
