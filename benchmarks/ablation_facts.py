"""What the journals of an ablation say: explored, trained, failed, and the best score over trainings and over time."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from arms import ARMS
from rich.console import Console
from rich.table import Table

from mmautoloss.trial import Record, Role, State, Trial
from mmautoloss.trial.read import record_of


@dataclass(frozen=True)
class Arm:
    """The searches of one arm on one set, one a seed.

    Attributes:
        set: Name of the set: that of the folder.
        name: Name of the arm.
        records: What the journals say, by seed.
    """

    set: str
    name: str
    records: tuple[Record, ...]

    @classmethod
    def read(cls, folder: Path, name: str) -> Arm:
        """The searches of an arm in the folder of a set that have begun."""
        records = [read_record(path) for path in sorted((folder / name).glob('*/journal.jsonl*'))]
        return cls(folder.name, name, tuple(record for record in records if record.header))


def read_arms(folder: Path) -> list[Arm]:
    """The arms that have a search in the folder of a set: in the order of ``arms.ARMS``, then those it has no more."""
    names = {path.parents[1].name for path in folder.glob('*/*/journal.jsonl*')}
    return [Arm.read(folder, name) for name in [*(n for n in ARMS if n in names), *sorted(names - ARMS.keys())]]


@dataclass(frozen=True)
class Facts:
    """An arm in numbers; lists have one entry a seed.

    Attributes:
        set: Name of the set.
        metric: Key of the metric.
        arm: Name of the arm.
        explored: Expressions that were drawn.
        trained: Candidates that were trained or stopped.
        failed: Of these, those that failed.
        stopped: Of these, those that a rung stopped.
        best: Best score at the end; None where no candidate had one.
        best_five: Mean of the five best scores, which one lucky training moves less; None where there are fewer.
        over_trainings: Best score after each training; None before the first score.
        over_hours: The same against hours of search: (hours, best).
        baseline: Scores of the hand-made losses.
    """

    set: str
    metric: str
    arm: str
    explored: list[int]
    trained: list[int]
    failed: list[int]
    stopped: list[int]
    best: list[float | None]
    best_five: list[float | None]
    over_trainings: list[list[float | None]]
    over_hours: list[list[tuple[float, float | None]]]
    baseline: list[float]


def facts_of(arms: Sequence[Arm]) -> list[Facts]:
    """The numbers of all arms that have a search."""
    return [_facts(arm) for arm in arms if arm.records]


def _facts(arm: Arm) -> Facts:
    candidates = [list(_candidates(record)) for record in arm.records]
    courses = [list(_best_so_far(trials)) for trials in candidates]
    hours = [
        [(record.settled_elapsed[trial.number] / 3600, best) for trial, best in zip(trials, course, strict=True)]
        for record, trials, course in zip(arm.records, candidates, courses, strict=True)
    ]
    return Facts(
        set=arm.set,
        metric=str(arm.records[0].header['metric']),
        arm=arm.name,
        explored=[_explored(record, trials) for record, trials in zip(arm.records, candidates, strict=True)],
        trained=[len(trials) for trials in candidates],
        failed=[sum(trial.state is State.FAILED for trial in trials) for trials in candidates],
        stopped=[sum(trial.state is State.STOPPED for trial in trials) for trials in candidates],
        best=[course[-1] if course else None for course in courses],
        best_five=[_best_five(trials) for trials in candidates],
        over_trainings=courses,
        over_hours=hours,
        baseline=[score for record in arm.records for score in record.history.baseline_scores()],
    )


def _best_five(trials: Sequence[Trial]) -> float | None:
    scores = sorted((trial.score for trial in trials if trial.state is State.COMPLETE), reverse=True)[:5]
    return mean(scores) if len(scores) == 5 else None


def _explored(record: Record, trials: Sequence[Trial]) -> int:
    return sum(record.history.funnel().values()) or len(trials)


def _candidates(record: Record) -> Iterator[Trial]:
    """Candidates that cost a training, in the order in which they were over."""
    for trial in record.history.settled():
        if trial.role in (Role.KNOWN, Role.SEARCH) and not trial.was_spared:
            yield trial


def _best_so_far(trials: Sequence[Trial]) -> Iterator[float | None]:
    best = None
    for trial in trials:
        if trial.state is State.COMPLETE:
            best = trial.score if best is None else max(best, trial.score)
        yield best


def read_record(path: Path) -> Record:
    """What a journal says, also a packed one (``journal.jsonl.gz``)."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == '.gz' else path.read_bytes()
    return record_of(path, content.split(b'\n')[:-1])


def print_facts(facts: Sequence[Facts]) -> None:
    """Prints a table of all arms."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style='bold')
    for title in (
        'set',
        'arm',
        'seeds',
        'explored',
        'trained',
        'failed',
        'stopped',
        'best',
        'spread',
        'best 5',
        'spread',
        'hand-made',
    ):
        table.add_column(title, justify='left' if title in ('set', 'arm') else 'right')
    for each in facts:
        table.add_row(
            each.set,
            each.arm,
            str(len(each.best)),
            f'{mean(each.explored):.0f}',
            f'{mean(each.trained):.0f}',
            f'{mean(each.failed):.1f}',
            f'{mean(each.stopped):.1f}',
            *_mean_and_spread(each.best),
            *_mean_and_spread(each.best_five),
            f'{mean(each.baseline):.3f}' if each.baseline else '-',
        )
    console = Console(highlight=False)
    console.width = max(console.width, 110)  # where the output goes to a file
    console.print(table)


def _mean_and_spread(scores: Sequence[float | None]) -> tuple[str, str]:
    known = [score for score in scores if score is not None]
    return f'{mean(known):.3f}' if known else 'none', f'{stdev(known):.3f}' if len(known) > 1 else '-'


def write_csv(facts: Sequence[Facts], path: Path) -> None:
    """Writes the best score after each training, a row a set, arm, seed and training."""
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(('set', 'arm', 'search', 'training', 'hours', 'best'))
        for each in facts:
            for search, course in enumerate(each.over_hours):
                for training, (hours, best) in enumerate(course, 1):
                    row = (each.set, each.arm, search, training, f'{hours:.4f}', '' if best is None else f'{best:.4f}')
                    writer.writerow(row)
