"""What stopping at a rung would have cost and saved, from the journals of searches that only watched."""

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
    """One choice of ``keep``.

    Attributes:
        keep: Share of the earlier candidates that would pass.
        stopped: Candidates with a score in the end that would have been stopped, also for want of one at the rung.
        top_stopped: Of these, those that are among the best five of their search in the end.
        top: How many the best five of all searches are.
        error: ``top_stopped`` of ``stopped``; None where none would have been stopped.
        error_range: 95 % interval of the error (Wilson).
        best_stopped: Searches whose best candidate would have been stopped.
        saved: Share of the time of all candidates that would have been saved, the rungs themselves paid.
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
        with_rung: Of these, those that had a score at the rung.
        failed: Candidates that failed; their worth is not known.
        unscored: Candidates that had no score at the rung and went on; where there is a bar, a searched one is stopped.
        unscored_trained: Of these, those that had a score in the end; the others failed.
        unscored_top: Of these, those that are among the best five of their search.
        correlation: Rank correlation of the scores at the rung and in the end, mean over the searches; None where unknown.
        rung_seconds: Share of the time of all candidates that the validations at the rung took.
        rows: One a ``keep``.
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
        """The facts in types of JSON."""
        return asdict(self)


def rungs_of(
    records: Sequence[Record],
    keeps: Collection[float] = KEEPS,
    least: int = Rung.least,
    names: Sequence[str] | None = None,
) -> Rungs:
    """What would have become of searches that only watched their rung, had they stopped candidates.

    The bar of a candidate is computed as a search does, from what had settled when it was bred. What a search would have
    bred otherwise, had it stopped some, is not known.

    Args:
        records: What the journals say.
        keeps: Values of ``keep`` to try.
        least: Candidates that must have had a score at the rung before any is stopped.
        names: What an error calls the searches, such as their work dirs; by default their places in ``records``.

    Raises:
        SetupError: A search had no rung, or stopped candidates, whose worth is not known then.
    """
    names = names or [f'search {place}' for place in range(1, len(records) + 1)]
    watched = [_Watched(record, name) for record, name in zip(records, names, strict=True)]
    trained = [trial for each in watched for trial in each.trained]
    unscored = [trial for each in watched for trial in each.unscored]
    correlations = [found for each in watched if (found := each.correlation()) is not None]
    return Rungs(
        searches=len(watched),
        trained=len(trained),
        with_rung=sum(trial.required_outcome.rung is not None for trial in trained),
        failed=sum(each.failed for each in watched),
        unscored=len(unscored),
        unscored_trained=sum(trial.state is State.COMPLETE for trial in unscored),
        unscored_top=sum(trial.number in each.top for each in watched for trial in each.unscored),
        correlation=sum(correlations) / len(correlations) if correlations else None,
        rung_seconds=_share(sum(each.rung_seconds for each in watched), sum(each.seconds for each in watched)),
        rows=tuple(_row(watched, Rung(keep=keep, least=least)) for keep in keeps),
    )


class _Watched:
    """One search."""

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
        self._left = 1 - _reached(rung.get('at', Rung.at), record.header['proxy']['schedule'])
        self.seconds = sum(trial.required_outcome.seconds for trial in self.trained)
        self.rung_seconds = sum(trial.required_outcome.stages.get('rung', 0.0) for trial in self.trained)

    def stopped(self, rung: Rung) -> list[Trial]:
        """Candidates that would have been stopped."""
        settled, seen, found = self.history.settled(), 0, []
        scores: list[float] = []
        for trial in sorted(self.trained, key=lambda trial: trial.settled_before):
            for score in _rung_scores(settled[seen : trial.settled_before]):
                insort(scores, score)
            seen = max(seen, trial.settled_before)
            if trial.role is Role.SEARCH and _falls(trial, rung.bar(scores)):
                found.append(trial)
        return found

    def saved(self, stopped: Sequence[Trial]) -> float:
        """Seconds that the rest of these trainings and their validation took."""
        stages = [trial.required_outcome.stages for trial in stopped]
        return sum(self._left * each.get('train', 0.0) + each.get('validate', 0.0) for each in stages)

    def correlation(self) -> float | None:
        """Rank correlation of the scores at the rung and in the end."""
        pairs = [(rung, t.required_score) for t in self.trained if (rung := t.required_outcome.rung) is not None]
        try:
            return correlation(*(_ranks(scores) for scores in zip(*pairs, strict=True))) if pairs else None
        except StatisticsError:  # fewer than two, or all equal
            return None


def _rung_scores(trials: Iterable[Trial]) -> Iterator[float]:
    """Scores at the rung of the candidates among some trials."""
    candidates = (trial for trial in trials if trial.role in (Role.KNOWN, Role.SEARCH))
    return (rung for trial in candidates if (rung := trial.required_outcome.rung) is not None)


def _is_unscored(trial: Trial) -> bool:
    """Whether it had no score at the rung and yet went on."""
    outcome = trial.outcome
    return outcome is not None and outcome.rung is None and 'rung' in outcome.stages and not _ended_there(trial)


def _ended_there(trial: Trial) -> bool:
    return trial.state is State.FAILED and trial.required_outcome.reason.endswith(AT_RUNG)


def _falls(trial: Trial, bar: float | None) -> bool:
    if bar is None:
        return False
    rung = trial.required_outcome.rung
    return _is_unscored(trial) if rung is None else rung < bar


def _reached(at: float, schedule: dict[str, Any]) -> float:
    """Share of a training that is over at the rung."""
    return at if at < 1 else at / schedule.get('max_iters', at)


def _row(watched: Sequence[_Watched], rung: Rung) -> RungRow:
    stopped = [each.stopped(rung) for each in watched]
    falls = [{trial.number for trial in trials} for trials in stopped]
    count = sum(map(len, falls))
    wrong = sum(len(each.top & numbers) for each, numbers in zip(watched, falls, strict=True))
    saved = sum(each.saved(trials) - each.rung_seconds for each, trials in zip(watched, stopped, strict=True))
    return RungRow(
        keep=rung.keep,
        stopped=count,
        top_stopped=wrong,
        top=sum(len(each.top) for each in watched),
        error=wrong / count if count else None,
        error_range=interval(wrong, count),
        best_stopped=sum(each.best in numbers for each, numbers in zip(watched, falls, strict=True)),
        saved=_share(saved, sum(each.seconds - each.rung_seconds for each in watched)),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _ranks(scores: Sequence[float]) -> list[float]:
    """Ranks from 1; equal scores share the mean of theirs."""
    ordered = sorted(scores)
    return [(bisect_left(ordered, score) + bisect_right(ordered, score) + 1) / 2 for score in scores]
