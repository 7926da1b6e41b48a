"""The cost and savings of stopping at a rung, from journals of searches that only recorded the rung."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import StatisticsError, correlation
from typing import Any

from mmautoloss.errors import SetupError
from mmautoloss.report.statistics import interval
from mmautoloss.search import Rung
from mmautoloss.trial import AT_RUNG, Record, Role, State, Trial

TOP = 5
KEEPS = (0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class RungRow:
    """The result for one value of ``keep``.

    Attributes:
        keep: Share of the earlier candidates that would pass.
        stopped: Candidates with a final score that would have been stopped, including those without a score at the rung.
        top_stopped: How many of these are among the final best five of their search.
        top: Number of candidates in the best five of all searches together.
        error: ``top_stopped`` divided by ``stopped``; None where none would have been stopped.
        error_range: 95 % interval of the error (Wilson).
        best_stopped: Searches whose best candidate would have been stopped.
        saved: Share of the time of all candidates that would have been saved, net of the validations at the rung.
    """

    keep: float
    stopped: int
    top_stopped: int
    top: int
    error: float | None
    error_range: tuple[float, float]
    best_stopped: int
    saved: float


@dataclass(frozen=True)
class Rungs:
    """Everything that ``mmautoloss rungs`` shows; the keys of ``--json``.

    Attributes:
        searches: How many journals were read.
        trained: Candidates that were trained to the end.
        with_rung: How many of these had a score at the rung.
        failed: Candidates that failed, so that they have no final score.
        unscored: Candidates without a score at the rung that went on; with a bar, a searched one would be stopped.
        unscored_trained: How many of the unscored had a final score; the others failed.
        unscored_top: How many of the unscored are among the best five of their search.
        correlation: Rank correlation of rung and final scores, mean over the searches; None where unknown.
        rung_seconds: Share of the time of all candidates spent on the validations at the rung.
        rows: One for each ``keep``.
    """

    searches: int
    trained: int
    with_rung: int
    failed: int
    unscored: int
    unscored_trained: int
    unscored_top: int
    correlation: float | None
    rung_seconds: float
    rows: tuple[RungRow, ...]

    def to_json(self) -> dict[str, Any]:
        """The attributes as JSON types."""
        return asdict(self)


def rungs_of(
    records: Sequence[Record],
    keeps: Collection[float] = KEEPS,
    least: int = Rung.least,
    names: Sequence[str] | None = None,
) -> Rungs:
    """Simulates stopping at the rung in searches that only recorded it.

    The bar of a candidate is computed as in a search, from the trials that had settled when it was bred. The simulation
    cannot know which other candidates a search would have bred after stopping some.

    Args:
        records: Contents of the journals.
        keeps: Values of ``keep`` to try.
        least: Candidates that must have a score at the rung before any is stopped.
        names: Names of the searches for error messages, such as their work dirs; by default their positions in
            ``records``.

    Raises:
        SetupError: A search had no rung, or stopped candidates, whose final scores are unknown.
    """
    names = names or [f'search {position}' for position in range(1, len(records) + 1)]
    searches = [_RecordedSearch(record, name) for record, name in zip(records, names, strict=True)]
    trained = [trial for search in searches for trial in search.trained]
    unscored = [trial for search in searches for trial in search.unscored]
    correlations = [value for search in searches if (value := search.correlation()) is not None]
    return Rungs(
        searches=len(searches),
        trained=len(trained),
        with_rung=sum(trial.required_outcome.rung is not None for trial in trained),
        failed=sum(search.failed for search in searches),
        unscored=len(unscored),
        unscored_trained=sum(trial.state is State.COMPLETE for trial in unscored),
        unscored_top=sum(trial.number in search.top for search in searches for trial in search.unscored),
        correlation=sum(correlations) / len(correlations) if correlations else None,
        rung_seconds=_share(
            sum(search.rung_seconds for search in searches), sum(search.seconds for search in searches)
        ),
        rows=tuple(_row(searches, Rung(keep=keep, least=least)) for keep in keeps),
    )


class _RecordedSearch:
    """A search that recorded the scores at the rung without stopping any candidate."""

    def __init__(self, record: Record, name: str) -> None:
        rung = (record.header.get('proxy') or {}).get('rung')
        if not rung:
            raise SetupError(f'{name}: the search had no rung: watch one with proxy=dict(..., rung=dict(watch=True)).')
        self.history = record.history
        candidates = self.history.of_role(Role.KNOWN, Role.SEARCH)
        if any(trial.state is State.STOPPED for trial in candidates):
            raise SetupError(
                f'{name}: the search stopped candidates, so their worth is not known: watch one with rung.watch=True.'
            )
        self.trained = [trial for trial in candidates if trial.state is State.COMPLETE]
        self.unscored = [trial for trial in candidates if _is_unscored(trial)]
        self.failed = sum(trial.state is State.FAILED and not trial.was_spared for trial in candidates)
        self.top = {trial.number for trial in self.history.best_found(TOP)}
        self.best = next((trial.number for trial in self.history.best_found(1)), None)
        self._rest = 1 - _rung_position(rung.get('at', Rung.at), record.header['proxy']['schedule'])
        self.seconds = sum(trial.required_outcome.seconds for trial in self.trained)
        self.rung_seconds = sum(trial.required_outcome.stages.get('rung', 0.0) for trial in self.trained)

    def stopped(self, rung: Rung) -> list[Trial]:
        """Candidates that would have been stopped."""
        settled, seen, stopped = self.history.settled(), 0, []
        scores: list[float] = []
        for trial in sorted(self.trained, key=lambda trial: trial.settled_before):
            for score in _rung_scores(settled[seen : trial.settled_before]):
                insort(scores, score)
            seen = max(seen, trial.settled_before)
            if trial.role is Role.SEARCH and _is_stopped(trial, rung.bar(scores)):
                stopped.append(trial)
        return stopped

    def saved(self, stopped: Sequence[Trial]) -> float:
        """Seconds of these trainings after the rung, including their final validation."""
        stages = [trial.required_outcome.stages for trial in stopped]
        return sum(self._rest * durations.get('train', 0.0) + durations.get('validate', 0.0) for durations in stages)

    def correlation(self) -> float | None:
        """Rank correlation of rung and final scores."""
        pairs = [(rung, t.required_score) for t in self.trained if (rung := t.required_outcome.rung) is not None]
        try:
            return correlation(*(_ranks(scores) for scores in zip(*pairs, strict=True))) if pairs else None
        except StatisticsError:  # fewer than two, or all equal
            return None


def _rung_scores(trials: Iterable[Trial]) -> Iterator[float]:
    """Scores at the rung of the candidates among these trials."""
    candidates = (trial for trial in trials if trial.role in (Role.KNOWN, Role.SEARCH))
    return (rung for trial in candidates if (rung := trial.required_outcome.rung) is not None)


def _is_unscored(trial: Trial) -> bool:
    """Whether it went on without a score at the rung."""
    outcome = trial.outcome
    return outcome is not None and outcome.rung is None and 'rung' in outcome.stages and not _ended_at_rung(trial)


def _ended_at_rung(trial: Trial) -> bool:
    return trial.state is State.FAILED and trial.required_outcome.reason.endswith(AT_RUNG)


def _is_stopped(trial: Trial, bar: float | None) -> bool:
    if bar is None:
        return False
    rung = trial.required_outcome.rung
    return _is_unscored(trial) if rung is None else rung < bar


def _rung_position(at: float, schedule: dict[str, Any]) -> float:
    """Share of a training that is complete at the rung."""
    return at if at < 1 else at / schedule.get('max_iters', at)


def _row(searches: Sequence[_RecordedSearch], rung: Rung) -> RungRow:
    stopped = [search.stopped(rung) for search in searches]
    stopped_numbers = [{trial.number for trial in trials} for trials in stopped]
    count = sum(map(len, stopped_numbers))
    wrong = sum(len(search.top & numbers) for search, numbers in zip(searches, stopped_numbers, strict=True))
    saved = sum(search.saved(trials) - search.rung_seconds for search, trials in zip(searches, stopped, strict=True))
    return RungRow(
        keep=rung.keep,
        stopped=count,
        top_stopped=wrong,
        top=sum(len(search.top) for search in searches),
        error=wrong / count if count else None,
        error_range=interval(wrong, count),
        best_stopped=sum(search.best in numbers for search, numbers in zip(searches, stopped_numbers, strict=True)),
        saved=_share(saved, sum(search.seconds - search.rung_seconds for search in searches)),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _ranks(scores: Sequence[float]) -> list[float]:
    """Ranks from 1; equal scores share their mean rank."""
    ordered = sorted(scores)
    return [(bisect_left(ordered, score) + bisect_right(ordered, score) + 1) / 2 for score in scores]
