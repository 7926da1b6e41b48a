"""Settled candidates of a search, trained again for longer."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.errors import SetupError
from mmautoloss.execute import train_all
from mmautoloss.proxy import lengthen, one_at_a_time
from mmautoloss.report.correlation import Pair
from mmautoloss.trial import Outcome, Trial

FILE = 'correlate.csv'
"""The file of the long trainings, in the work dir of the search."""

COLUMNS = ('trial', 'times', 'seed', 'short', 'long', 'seconds', 'reason')


@one_at_a_time
def train_longer(
    spec: SearchSpec, trials: Sequence[Trial], times: float, say: Callable[[Pair, Outcome], None]
) -> list[Pair]:
    """Trains candidates longer with their own seeds; each result is written at once, and written ones are not repeated.

    Args:
        spec: The search.
        trials: Settled candidates with a score.
        times: How many times as long.
        say: Called with each result.

    Returns:
        One pair per candidate, including those of earlier calls.

    Raises:
        SetupError: The file has other columns, or trainings of another search.
    """
    if spec.training.begin is not None:
        raise SetupError(
            'Only trainings from scratch can be lengthened here, but the candidates of this search begin at a trunk or a '
            'checkpoint. Train them longer with budget.funnel.'
        )
    path = spec.work_dir / FILE
    _require_same_search(path, trials)
    known = read_pairs(path, times)
    pending = [trial for trial in trials if trial.number not in known]
    settings = replace(lengthen(spec.proxy, times), work_dir=str(spec.work_dir / 'correlate'))
    if pending:
        for trial, outcome in train_all(spec.execute.build(settings), [replace(t, outcome=None) for t in pending]):
            pair = Pair(trial.number, _short(trials, trial.number), outcome.score)
            _append(path, (trial.number, times, trial.seed, *pair[1:], round(outcome.seconds, 2), outcome.reason))
            known[trial.number] = pair
            say(pair, outcome)
    return [known[trial.number] for trial in trials]


def read_pairs(path: Path, times: float) -> dict[int, Pair]:
    """The trainings of a length in the file, by number of the trial.

    Raises:
        SetupError: The file has other columns.
    """
    return {pair.trial: pair for length, pair in _read(path) if length == times}


def _read(path: Path) -> Iterator[tuple[float, Pair]]:
    """Length and scores of each training in the file."""
    if not path.exists():
        return
    with path.open(newline='', encoding='utf-8') as file:
        rows = list(csv.reader(file))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise SetupError(f'{path} must have the columns {",".join(COLUMNS)}. Move it away to train again.')
    for row in rows[1:]:
        if len(row) != len(COLUMNS):
            continue  # cut off, since the program was killed while it wrote; its training is repeated
        number, length, _, short, long, *_ = row
        yield float(length), Pair(int(number), float(short), float(long) if long else None)


def _require_same_search(path: Path, trials: Sequence[Trial]) -> None:
    scores = {trial.number: trial.score for trial in trials}
    for _, pair in _read(path):
        if pair.short != scores.get(pair.trial, pair.short):
            raise SetupError(
                f'{path} must be of this search, but trial {pair.trial} has the score {pair.short} there and '
                f'{scores[pair.trial]} here. Move it away to train again.'
            )


def _short(trials: Sequence[Trial], number: int) -> float:
    return next(trial.required_score for trial in trials if trial.number == number)


def _append(path: Path, row: tuple[Any, ...]) -> None:
    torn = path.exists() and not path.read_bytes().endswith(b'\n')
    with path.open('a', newline='', encoding='utf-8') as file:
        if torn:
            file.write('\n')
        writer = csv.writer(file, lineterminator='\n')
        if not file.tell():
            writer.writerow(COLUMNS)
        writer.writerow(['' if value is None else value for value in row])
