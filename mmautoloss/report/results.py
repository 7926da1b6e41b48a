"""Scores of trained networks as rows of a CSV file, the source of results pages."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmautoloss.errors import SetupError
from mmautoloss.proxy import ProxySettings, lengthen
from mmautoloss.report.confirmation import Fresh, confirmation_of
from mmautoloss.report.description import Description
from mmautoloss.report.result_row import Conditions, ResultRow, loss_name, make_row
from mmautoloss.trial import History, Role, State, Trial

_NEWER = ('weights', 'begin', 'tail', 'images')
"""Columns that files of older versions lack: all of these, or all but the weights."""

_OLDER = [tuple(field for field in ResultRow._fields if field not in lacking) for lacking in (_NEWER[1:], _NEWER)]

_HEADER = ','.join(ResultRow._fields)

_ALWAYS = (Role.BASELINE, Role.KNOWN, Role.LONGER)


def result_rows(
    history: History,
    ranking: Sequence[Trial],
    describe: Description,
    proxy: ProxySettings,
    conditions: Conditions = Conditions(),  # noqa: B008 (it cannot change)
) -> list[ResultRow]:
    """Rows of the hand-made losses, the best known loss and the winner with fresh seeds.

    Without fresh seeds, rows of the baseline, the known losses, the finalists with all their seeds, and all longer
    trainings. The two kinds are never mixed, since the scores that chose losses are too high on average.
    """
    confirmation = confirmation_of(history)
    if confirmation is not None:
        compared = (confirmation.hand_made, confirmation.rival, confirmation.winner)
        return [row for fresh in compared if fresh for row in _fresh_rows(fresh, history, describe, proxy, conditions)]
    finalists = {trial.number for trial in ranking}
    chosen = [
        trial
        for trial in history.settled()
        if trial.score is not None
        and (trial.role in _ALWAYS or trial.number in finalists or trial.repeats in finalists)
        and trial.state is State.COMPLETE
        # without a candidate, hand-made losses in several tasks have no score yet
        and (history.yardstick is not None or not trial.required_outcome.tasks)
    ]
    return [_row_of(trial, describe, proxy, conditions) for trial in chosen]


def _fresh_rows(
    fresh: Fresh, history: History, describe: Description, proxy: ProxySettings, conditions: Conditions
) -> Iterator[ResultRow]:
    runs = history.confirmations(fresh.trial.number, fresh.times)
    for run in runs.values():
        if run.score is not None:
            yield _row_of(run, describe, proxy, conditions)._replace(loss=loss_name(fresh.trial, describe))


def _row_of(trial: Trial, describe: Description, proxy: ProxySettings, conditions: Conditions) -> ResultRow:
    value = proxy.value(trial.required_outcome.metrics)
    return make_row(trial, describe, lengthen(proxy, trial.times), value, conditions)


def read_results(path: Path) -> list[ResultRow]:
    """The rows of a file; none if there is no file.

    What an older file does not say is '' in its rows, and their ``tail`` is the length of the training. The program may have
    been killed while it wrote, so a last line without its end is left out, also if that is the header.

    Raises:
        SetupError: The file has wrong columns or values, or is a folder.
    """
    if not path.exists():
        return []
    if path.is_dir():
        raise SetupError(f'The rows need a file, but {path} is a folder. Name a file in it: {path}/results.csv.')
    text = path.read_text(encoding='utf-8')
    if '\n' not in text and _HEADER.startswith(text):
        return []
    lines = list(csv.reader(text[: text.rfind('\n') + 1].splitlines()))
    columns = tuple(lines[0]) if lines else ()
    if columns not in (ResultRow._fields, *_OLDER):
        raise SetupError(f'{path} must have the columns {_HEADER}.')
    wrong = [number for number, line in enumerate(lines, 1) if len(line) != len(columns)]
    if wrong:
        raise SetupError(f'{path} must have {len(columns)} values a row, but line {wrong[0]} has others; correct it.')
    return [_row(dict(zip(columns, line, strict=True)), f'{path}, line {n}') for n, line in enumerate(lines[1:], 2)]


def _row(values: Mapping[str, str], place: str) -> ResultRow:
    fields: dict[str, Any] = {**dict.fromkeys(_NEWER, ''), 'tail': values['iterations'], **values}
    try:
        numbers = {key: int(fields[key]) for key in ('seed', 'iterations', 'tail')}
        return ResultRow(**{**fields, **numbers, 'value': float(values['value'])})
    except ValueError as error:
        raise SetupError(
            f'{place} must have numbers for seed, iterations, tail and value, but {error}; correct it.'
        ) from None


def append_results(path: Path, rows: Iterable[ResultRow]) -> None:
    """Appends rows that the file does not contain yet; creates the file with its header if absent.

    An older file is first rewritten with all columns, empty where it does not say.

    Raises:
        SetupError: The file has wrong columns.
    """
    existing = read_results(path)
    known = set(map(_key, existing))
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.read_bytes().startswith(_HEADER.encode()):
        _rewrite(path, existing)
    if path.exists():
        _drop_torn_line(path)
    with path.open('a', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        if not file.tell():
            writer.writerow(ResultRow._fields)
        for row in rows:
            if _key(row) not in known:
                known.add(_key(row))
                writer.writerow(row)


def _key(row: ResultRow) -> tuple[Any, ...]:
    """Equal for equal rows, also where the value is NaN."""
    return (*row.training, repr(float(row.value)))


def _rewrite(path: Path, rows: Iterable[ResultRow]) -> None:
    """Replaces the file atomically, so that no row is lost if the program is killed."""
    part = path.with_name(f'.{path.name}')
    with part.open('w', newline='', encoding='utf-8') as file:
        csv.writer(file, lineterminator='\n').writerows([ResultRow._fields, *rows])
    part.replace(path)


def _drop_torn_line(path: Path) -> None:
    """Cuts off an incomplete last line, and nothing else at any time."""
    data = path.read_bytes()
    if not data.endswith(b'\n'):
        with path.open('r+b') as file:
            file.truncate(data.rfind(b'\n') + 1)
