"""All facts of a search: the content of its page and of ``--json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmautoloss.report.facts.failures import failures_of
from mmautoloss.report.facts.funnel import funnel_of
from mmautoloss.report.facts.lengths import by_length, length_scores
from mmautoloss.report.facts.losses import Loss, losses_of
from mmautoloss.report.facts.operators import operators_of
from mmautoloss.report.facts.progress import progress_of
from mmautoloss.report.facts.relay import relay_table
from mmautoloss.report.facts.seeds import seeds_of, summary_of
from mmautoloss.report.facts.settings import settings_of
from mmautoloss.report.facts.sizes import sizes_of
from mmautoloss.report.facts.table import Table
from mmautoloss.report.facts.times import sessions_of, stages_of, workers_of
from mmautoloss.report.facts.trials import trials_of
from mmautoloss.report.facts.trust import doubts_of
from mmautoloss.report.facts.yields import yields_of
from mmautoloss.report.lengths import Length
from mmautoloss.report.relay import relay_text
from mmautoloss.report.status import Status, status_of
from mmautoloss.report.tasks import task_scales
from mmautoloss.report.verdict import Verdict, verdict_of
from mmautoloss.search import best_losses, read_funnel
from mmautoloss.trial import Record, Scale, Trial, scale_of

_FINALISTS = 3
"""Number of finalists shown where the journal does not give it."""


@dataclass(frozen=True)
class Facts:
    """The content of a report, without drawings.

    Attributes:
        describe: ``task``, ``set``, ``network`` and the like from the search config; empty where unknown.
        status: Status of the search.
        scale: The metric.
        verdict: Whether the found losses are better.
        doubts: Sentences on the limits of the verdict.
        ranking: The best found trials, best first.
        losses: The losses of these trials, by number of the trial.
        tables: By name: ``progress``, ``seeds``, ``finalists``, ``sizes``, ``operators``, ``funnel``, ``yields``,
            ``failures``, ``stages``, ``sessions``, ``workers``, ``settings``, ``trials``, ``lengths``, ``by_length``,
            ``relay``.
    """

    describe: Mapping[str, str]
    status: Status
    scale: Scale
    verdict: Verdict
    doubts: tuple[str, ...]
    ranking: tuple[Trial, ...]
    losses: Mapping[int, tuple[Loss, ...]]
    tables: Mapping[str, Table]

    @property
    def headline(self) -> str:
        """The verdict; a search that has not finished may not have one yet."""
        if not self.ranking and self.status.state != 'finished':
            return 'No searched loss has a score yet.'
        if self.verdict.word == 'unconfirmed' and (self.status.pace.left or {}).get('confirmation'):
            return 'There is no verdict yet: at the end of the search, fresh seeds compare the best found losses.'
        return self.verdict.text

    @property
    def held_at(self) -> Length | None:
        """The greatest length of the funnel, if a found loss holds there; the verdict is on its scores."""
        last = self.status.lengths[-1] if self.status.lengths else None
        return last if last and last.last and last.held else None

    @property
    def branches(self) -> tuple[str, ...]:
        """Names of the searched losses."""
        trials = self.tables['trials']
        return trials.columns[trials.columns.index('reason') + 1 :]

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON types."""
        return {
            'describe': dict(self.describe),
            'headline': self.headline,
            'verdict': self.verdict._asdict(),
            'doubts': list(self.doubts),
            'finalists': [
                {'trial': number, 'losses': [loss._asdict() for loss in losses]}
                for number, losses in self.losses.items()
            ],
            'status': self.status.to_json(),
            'tables': {name: table.to_json() for name, table in self.tables.items()},
        }


def facts_of(
    record: Record, now: float, lives: bool | None = None, describe: Mapping[str, str] | None = None
) -> Facts:
    """The facts of a search.

    Args:
        record: The content of its journal.
        now: The present time, in Unix seconds.
        lives: Whether the process of the last session is alive; None where this machine cannot tell.
        describe: The labels of results from the search config.
    """
    history, scale, status = record.history, scale_of(record.header), status_of(record, now, lives)
    budget = record.sessions[-1].budget if record.sessions else {}
    funnel = read_funnel(budget.get('funnel'))
    ranking = tuple(best_losses(history, funnel, max(1, budget.get('finalists', _FINALISTS))))
    tables = _tables(record, scale, status, ranking)
    doubts = doubts_of(status, history, ranking, tables['finalists'], describe or {})
    relay = relay_text(history, record.header, scale)
    return Facts(
        describe=describe or {},
        status=status,
        scale=scale,
        verdict=verdict_of(history, ranking, status.lengths if funnel else None, scale.sign),
        doubts=(relay, *doubts) if relay else doubts,
        ranking=ranking,
        losses={trial.number: losses_of(trial, record.header) for trial in ranking},
        tables=tables,
    )


def _tables(record: Record, scale: Scale, status: Status, ranking: tuple[Trial, ...]) -> dict[str, Table]:
    history = record.history
    seeds = seeds_of(history, ranking, scale, task_scales(record.header))
    lengths = length_scores(status.lengths, history, scale)
    return {
        'progress': progress_of(record, scale),
        'seeds': seeds,
        'finalists': summary_of(seeds),
        'sizes': sizes_of(history, scale),
        'operators': operators_of(history),
        'funnel': funnel_of(history),
        'yields': yields_of(record),
        'failures': failures_of(status.failures),
        'stages': stages_of(record),
        'sessions': sessions_of(record, status.sessions or ()),
        'workers': workers_of(record),
        'settings': settings_of(record),
        'trials': trials_of(record, scale),
        'lengths': lengths,
        'by_length': by_length(lengths),
        'relay': relay_table(history, record.header, scale),
    }
