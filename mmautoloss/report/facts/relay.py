"""The generations of a relay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from mmautoloss.report.facts.table import Table
from mmautoloss.search import best_of, relay_of
from mmautoloss.trial import History, Scale, Trial

COLUMNS = ('generation', 'iterations', 'candidates', 'failed', 'least', 'mean', 'best', 'trial', 'from_trial')


def relay_table(history: History, header: Mapping[str, Any], scale: Scale) -> Table:
    """The generations of a relay that have settled; without rows in any other search.

    Returns:
        ``iterations``, the length of the training up to its end; ``least``, ``mean`` and ``best`` of its scores as the
        metric reports them; ``trial``, which left the best; ``from_trial``, from whose weights it began.
    """
    relay = relay_of(header)
    return Table(COLUMNS, tuple(_rows(relay.complete(history), scale)) if relay else ())


def _rows(generations: Sequence[Sequence[Trial]], scale: Scale) -> Iterator[tuple]:
    before: Trial | None = None
    for number, generation in enumerate(generations, 1):
        scores = [leg.required_score for leg in generation if leg.score is not None]
        winner = best_of(generation)
        saved = winner.required_outcome.saved if winner else None
        values = [scale.shown(value) for value in (min(scores), fmean(scores), max(scores))] if scores else [None] * 3
        yield (
            number,
            saved.iterations if saved else None,
            len(generation),
            len(generation) - len(scores),
            *values,
            winner.number if winner else None,
            before.number if before else None,
        )
        before = winner or before
