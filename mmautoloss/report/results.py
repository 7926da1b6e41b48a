"""Trained evaluations as rows of a CSV file: what a results page may quote."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple, TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmautoloss.errors import SetupError
from mmautoloss.losses import name_of
from mmautoloss.proxy import ProxySettings
from mmautoloss.report.paired import paired_difference
from mmautoloss.trial import History, Role, State, Trial

USUAL = 'usual weight'
"""Origin of a known loss that has the weight of the hand-made one, not one by its gradient."""


class ResultRow(NamedTuple):
    """One trained and validated network.

    Attributes:
        task: Such as ``detection``.
        set: Name of the data set.
        network: Name of the network.
        metric: Key of the metric.
        loss: Names of the hand-made losses, or ``found`` and the number of the trial.
        expression: The expressions by branch as JSON; '' for hand-made losses.
        seed: Seed of the training.
        split: What was scored on.
        iterations: Length of the training.
        value: The metric, as reported (not turned).
    """

    task: str
    set: str
    network: str
    metric: str
    loss: str
    expression: str
    seed: int
    split: str
    iterations: int
    value: float


def result_rows(
    history: History, ranking: Sequence[Trial], describe: Mapping[str, str], proxy: ProxySettings
) -> list[ResultRow]:
    """Rows of the baseline, of the known losses, and of the finalists with all their seeds."""
    finalists = {trial.number for trial in ranking}
    chosen = [
        trial
        for trial in history.settled()
        if trial.score is not None
        and (trial.role in (Role.BASELINE, Role.KNOWN) or trial.number in finalists or trial.repeats in finalists)
        and trial.state is State.COMPLETE
    ]
    return [make_row(trial, describe, proxy, proxy.value(trial.outcome.metrics)) for trial in chosen]


def read_results(path: Path) -> list[ResultRow]:
    """The rows of a file; none if there is no file.

    Raises:
        SetupError: The file has other columns, or is a folder.
    """
    if not path.exists():
        return []
    if path.is_dir():
        raise SetupError(f'The rows need a file, but {path} is a folder. Name a file in it: {path}/results.csv.')
    text = path.read_text(encoding='utf-8')
    lines = list(
        csv.reader(text[: text.rfind('\n') + 1].splitlines())
    )  # the program may have been killed while it wrote
    if not lines or tuple(lines[0]) != ResultRow._fields:
        raise SetupError(f'{path} must have the columns {",".join(ResultRow._fields)}.')
    wrong = [number for number, line in enumerate(lines, 1) if len(line) != len(ResultRow._fields)]
    if wrong:
        raise SetupError(
            f'{path} must have {len(ResultRow._fields)} values a row, but line {wrong[0]} has others; mend it.'
        )
    return [ResultRow(*line[:6], int(line[6]), line[7], int(line[8]), float(line[9])) for line in lines[1:]]


def append_results(path: Path, rows: Iterable[ResultRow]) -> None:
    """Appends rows that the file does not have yet; the file is made with its header if absent.

    Raises:
        SetupError: The file has other columns.
    """
    known = set(read_results(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    torn = path.exists() and not path.read_bytes().endswith(b'\n')
    with path.open('r+' if torn else 'a', newline='', encoding='utf-8') as file:
        if torn:
            _drop_last_line(file)
        writer = csv.writer(file, lineterminator='\n')
        if not file.tell():
            writer.writerow(ResultRow._fields)
        for row in rows:
            if row not in known:
                known.add(row)
                writer.writerow(row)


def _drop_last_line(file: TextIO) -> None:
    """Cuts off what is after the last line end, and goes to the new end."""
    text = file.read()
    file.seek(0)
    file.truncate()
    file.write(text[: text.rfind('\n') + 1])


def print_comparison(
    rows: Iterable[ResultRow],
    describe: Mapping[str, str],
    metric: str,
    split: str,
    iterations: int,
    greater: bool = True,
) -> None:
    """Prints mean, spread and the paired difference to the hand-made losses, of the rows of one set and metric.

    A loss is called better or worse only where the interval of the difference excludes zero (``paired_difference``).
    """
    wanted = (describe.get('set', ''), describe.get('network', ''), metric, split, iterations)
    rows = [row for row in rows if (row.set, row.network, row.metric, row.split, row.iterations) == wanted]
    title = ', '.join(filter(None, [*wanted[:2], f'{metric} on {split}', f'{iterations} iterations']))
    table = Table(title=title, title_justify='left')
    for column in ('losses', 'mean', 'spread', 'seeds', 'difference', '95 %', 'by seed'):
        table.add_column(column, overflow='fold')
    reference = (describe.get('hand_made', 'hand-made'), '')  # as expressions the same losses may have the same name
    hand_made = {row.seed: row.value for row in rows if (row.loss, row.expression) == reference}
    losses = dict.fromkeys((row.loss, row.expression) for row in rows)
    for loss, expression in losses:
        values = {row.seed: row.value for row in rows if (row.loss, row.expression) == (loss, expression)}
        paired = ' '.join(f'{values[seed] - hand_made[seed]:+.3f}' for seed in sorted(values) if seed in hand_made)
        spread = f'{stdev(values.values()):.4f}' if len(values) > 1 else '-'
        told = ('', '', '') if (loss, expression) == reference else (*_tell(values, hand_made, greater), paired)
        table.add_row(escape(loss), f'{mean(values.values()):.4f}', spread, str(len(values)), *told)
    console = Console(highlight=False)
    console.print(table)
    for loss, expression in losses:
        for branch, text in json.loads(expression or '{}').items():
            console.print(escape(f'{loss}, {branch}: {text}'), soft_wrap=True)


def _tell(values: Mapping[int, float], hand_made: Mapping[int, float], greater: bool) -> tuple[str, str]:
    found = paired_difference(values, hand_made)
    if found is None:
        return 'few seeds', ''
    return f'{found.mean:+.4f} {found.word(greater)}', f'{found.low:+.4f} to {found.high:+.4f}'


def make_row(trial: Trial, describe: Mapping[str, str], proxy: ProxySettings, value: float) -> ResultRow:
    """The row of one training; ``describe`` has ``task``, ``set``, ``network``, ``split`` and ``hand_made``."""
    return ResultRow(
        task=describe.get('task', ''),
        set=describe.get('set', ''),
        network=describe.get('network', ''),
        metric=proxy.metric,
        loss=_name(trial, describe),
        expression='' if trial.genome is None else json.dumps(trial.genome.to_text()),
        seed=trial.seed,
        split=describe.get('split', 'search_val'),
        iterations=length_of(proxy.schedule),
        value=value,
    )


def length_of(schedule: Mapping[str, Any]) -> int:
    """Iterations of a training, or epochs where it counts those."""
    return int(schedule.get('max_iters') or schedule.get('max_epochs') or 0)


def _name(trial: Trial, describe: Mapping[str, str]) -> str:
    """Hand-made and known losses by their names, one a branch, found ones by the number of their trial."""
    if trial.genome is None:
        return describe.get('hand_made', 'hand-made')
    names = [name_of(tree) for tree in trial.genome.values()]
    if trial.role is Role.KNOWN or trial.origin == 'known':
        text = '+'.join(name or str(tree) for name, tree in zip(names, trial.genome.values(), strict=True))
        return f'{text}, {USUAL}' if trial.origin == USUAL else text
    return f'found-{trial.number if trial.repeats is None else trial.repeats}'
