"""Scores of trained networks as rows of a CSV file, the source of results pages."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from mmautoloss.errors import SetupError
from mmautoloss.losses import name_of
from mmautoloss.proxy import ProxySettings, lengthen
from mmautoloss.report.confirmation import Fresh, confirmation_of
from mmautoloss.report.description import Description
from mmautoloss.trial import History, Role, State, Trial

USUAL = 'usual weight'
"""Origin of a known loss that has the weight of the hand-made one instead of one matched to its gradient."""


class ResultRow(NamedTuple):
    """One trained and validated network.

    Attributes:
        task: Name of the task, such as ``detection``.
        set: Name of the data set.
        network: Name of the network.
        metric: Key of the metric.
        loss: Names of the hand-made losses, or ``found`` and the number of the trial.
        expression: The expressions by branch as JSON; '' for hand-made losses.
        weights: Their ``loss_weight`` by branch as JSON, to six digits; '' for hand-made losses and where unknown.
        seed: Seed of the training.
        split: The split on which the network was scored.
        iterations: Length of the training.
        value: The metric as reported, without a change of sign.
    """

    task: str
    set: str
    network: str
    metric: str
    loss: str
    expression: str
    weights: str
    seed: int
    split: str
    iterations: int
    value: float

    @property
    def identity(self) -> tuple[str, str, str]:
        """The identity of its losses: name, expressions and weights."""
        return self.loss, self.expression, self.weights


_WITHOUT_WEIGHTS = tuple(field for field in ResultRow._fields if field != 'weights')
"""Columns of files from older versions."""


_ALWAYS = (Role.BASELINE, Role.KNOWN, Role.LONGER)


def result_rows(
    history: History, ranking: Sequence[Trial], describe: Description, proxy: ProxySettings
) -> list[ResultRow]:
    """Rows of the hand-made losses, the best known loss and the winner with fresh seeds.

    Without fresh seeds, rows of the baseline, the known losses, the finalists with all their seeds, and all longer
    trainings. The two kinds are never mixed, since the scores that chose losses are too high on average.
    """
    confirmation = confirmation_of(history)
    if confirmation is not None:
        compared = (confirmation.hand_made, confirmation.rival, confirmation.winner)
        return [row for fresh in compared if fresh for row in _fresh_rows(fresh, history, describe, proxy)]
    finalists = {trial.number for trial in ranking}
    chosen = [
        trial
        for trial in history.settled()
        if trial.score is not None
        and (trial.role in _ALWAYS or trial.number in finalists or trial.repeats in finalists)
        and trial.state is State.COMPLETE
    ]
    return [
        make_row(trial, describe, lengthen(proxy, trial.times), proxy.value(trial.required_outcome.metrics))
        for trial in chosen
    ]


def _fresh_rows(fresh: Fresh, history: History, describe: Description, proxy: ProxySettings) -> Iterator[ResultRow]:
    runs = history.confirmations(fresh.trial.number, fresh.times)
    for run in runs.values():
        if run.score is not None:
            row = make_row(run, describe, lengthen(proxy, run.times), proxy.value(run.required_outcome.metrics))
            yield row._replace(loss=_name(fresh.trial, describe))


def read_results(path: Path) -> list[ResultRow]:
    """The rows of a file, which may be an older one without weights; none if there is no file.

    Raises:
        SetupError: The file has wrong columns, or is a folder.
    """
    if not path.exists():
        return []
    if path.is_dir():
        raise SetupError(f'The rows need a file, but {path} is a folder. Name a file in it: {path}/results.csv.')
    text = path.read_text(encoding='utf-8')
    lines = list(
        csv.reader(text[: text.rfind('\n') + 1].splitlines())
    )  # the program may have been killed while it wrote
    columns = tuple(lines[0]) if lines else ()
    if columns not in (ResultRow._fields, _WITHOUT_WEIGHTS):
        raise SetupError(f'{path} must have the columns {",".join(ResultRow._fields)}.')
    wrong = [number for number, line in enumerate(lines, 1) if len(line) != len(columns)]
    if wrong:
        raise SetupError(f'{path} must have {len(columns)} values a row, but line {wrong[0]} has others; mend it.')
    return [_row(dict(zip(columns, line, strict=True))) for line in lines[1:]]


def _row(values: Mapping[str, str]) -> ResultRow:
    numbers = {'seed': int(values['seed']), 'iterations': int(values['iterations']), 'value': float(values['value'])}
    fields: dict[str, Any] = {'weights': '', **values, **numbers}
    return ResultRow(**fields)


def append_results(path: Path, rows: Iterable[ResultRow]) -> None:
    """Appends rows that the file does not contain yet; creates the file with its header if absent.

    An older file without weights is first rewritten with empty ones.

    Raises:
        SetupError: The file has wrong columns.
    """
    existing = read_results(path)
    known = set(existing)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.read_bytes().startswith(','.join(ResultRow._fields).encode()):
        _rewrite(path, existing)
    truncated = path.exists() and not path.read_bytes().endswith(b'\n')
    with path.open('r+' if truncated else 'a', newline='', encoding='utf-8') as file:
        if truncated:
            _drop_last_line(file)
        writer = csv.writer(file, lineterminator='\n')
        if not file.tell():
            writer.writerow(ResultRow._fields)
        for row in rows:
            if row not in known:
                known.add(row)
                writer.writerow(row)


def _rewrite(path: Path, rows: Iterable[ResultRow]) -> None:
    """Replaces the file atomically, so that no row is lost if the program is killed."""
    part = path.with_name(f'.{path.name}')
    with part.open('w', newline='', encoding='utf-8') as file:
        csv.writer(file, lineterminator='\n').writerows([ResultRow._fields, *rows])
    part.replace(path)


def _drop_last_line(file: TextIO) -> None:
    """Truncates an incomplete last line and moves to the end."""
    text = file.read()
    file.seek(0)
    file.truncate()
    file.write(text[: text.rfind('\n') + 1])


def make_row(trial: Trial, describe: Description, proxy: ProxySettings, value: float) -> ResultRow:
    """The row of one training.

    Args:
        trial: The trained trial.
        describe: The labels of the row.
        proxy: The settings of the training.
        value: The score, as the metric reports it.
    """
    return ResultRow(
        task=describe.task,
        set=describe.set,
        network=describe.network,
        metric=proxy.metric,
        loss=_name(trial, describe),
        expression='' if trial.genome is None else json.dumps(trial.genome.to_text()),
        weights=_weights(trial),
        seed=trial.seed,
        split=describe.split,
        iterations=length_of(proxy.schedule),
        value=value,
    )


def _weights(trial: Trial) -> str:
    """Weights in the order of the expressions; '' for hand-made losses, whose weights the trial does not have."""
    known = {name: float(f'{trial.weights[name]:.6g}') for name in trial.genome or () if name in trial.weights}
    return json.dumps(known) if known else ''


def length_of(schedule: Mapping[str, Any]) -> int:
    """Iterations of a training, or epochs where its length is given in epochs."""
    return int(schedule.get('max_iters') or schedule.get('max_epochs') or 0)


def _name(trial: Trial, describe: Description) -> str:
    """The names of hand-made and known losses, one for each branch, or of their sum; for found losses the number."""
    if trial.genome is None:
        return describe.hand_made
    names = [name_of(tree) for tree in trial.genome.values()]
    if trial.role is Role.KNOWN or trial.origin == 'known':
        if trial.origin.endswith(f', {USUAL}'):  # as the user has called it
            return trial.origin
        text = '+'.join(name or str(tree) for name, tree in zip(names, trial.genome.values(), strict=True))
        return f'{text}, {USUAL}' if trial.origin == USUAL else text
    return f'found-{trial.number if trial.repeats is None else trial.repeats}'
