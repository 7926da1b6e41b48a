"""The file of a recorded table: rows of single trainings, complete or still growing."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from comparisons import is_greater, require_same_images
from numpy.typing import NDArray
from recorded import FAILED, Condition, Name, RecordedTable

from mmautoloss.errors import SetupError
from mmautoloss.report.results import read_results

USUAL_METRICS = ('BF1',)
"""What is read where several metrics are recorded and none is asked for; else the first of the file."""

T = TypeVar('T')


def read_recorded(path: Path, metric: str | None = None) -> RecordedTable:
    """The table in a file, where at least half of the losses have a condition or seed; others are left out.

    Args:
        path: A CSV file of ``record.py``.
        metric: Its key, or the last part of it.

    Raises:
        SetupError: It cannot be read, is of several data sets, networks or sets of images, has a training twice, or is too
            small.
    """
    rows = read_results(path)
    if not rows:
        raise SetupError(f'{path} must be a table of record.py, but has no rows yet. Record them.')
    key = _choose([row.metric for row in rows], metric, path)
    rows = [row for row in rows if row.metric == key]
    places = {(row.set, row.network, row.split) for row in rows}
    if len(places) > 1:
        raise SetupError(f'{path} must be of one set, network and split, but has {sorted(places)}; divide it.')
    of_set, network, split = places.pop()
    require_same_images((row.images for row in rows), str(path))
    cells: dict[tuple[Name, Condition, int], float] = {}
    for row in rows:
        cell = Name(*row.identity), Condition(row.setting.begin, row.iterations, row.tail), row.seed
        score = _score(row.value, is_greater(key))
        if cells.setdefault(cell, score) != score:
            raise SetupError(f'{path} has one training twice, with two values: {cell}. Remove one of the rows.')
    return _dense(cells, f'{of_set}, {key}, {network} ({split})')


def _choose(metrics: Sequence[str], asked: str | None, path: Path) -> str:
    keys = list(dict.fromkeys(metrics))
    wanted = USUAL_METRICS if asked is None else (asked,)
    found = [key for key in keys if key in wanted or key.rpartition('/')[2] in wanted]
    if not found and asked is not None:
        raise SetupError(f'--metric must be one of {", ".join(keys)}, which {path} has, but got {asked}.')
    return (found or keys)[0]


def _score(value: float, greater: bool) -> float:
    return FAILED if not math.isfinite(value) else value if greater else -value


def _dense(cells: Mapping[tuple[Name, Condition, int], float], title: str) -> RecordedTable:
    names, conditions, seeds = (list(dict.fromkeys(each)) for each in zip(*cells, strict=True))
    seeds.sort()
    scores = np.array([[[cells.get((n, c, s), math.nan) for s in seeds] for c in conditions] for n in names])
    there = ~np.isnan(scores)
    usual = there.any(axis=2).mean(axis=0) >= 0.5
    common = there[:, usual].mean(axis=0).min(axis=0, initial=1.0) >= 0.5
    complete = there[:, usual][:, :, common].all(axis=(1, 2))
    scores = scores[complete][:, usual][:, :, common]
    kept = _where(names, complete)
    by_hand = np.array([not name.expression for name in kept], dtype=bool)
    if by_hand.sum() > 1:
        raise SetupError(f'The hand-made losses must have one name, but {title} has several without an expression.')
    columns = list(zip(_where(conditions, usual), scores.swapaxes(0, 1), strict=True))
    return RecordedTable(
        title,
        tuple(name for name in kept if name.expression),
        tuple(_where(seeds, common)),
        {condition: column[~by_hand] for condition, column in columns},
        {condition: column[by_hand][0] for condition, column in columns} if by_hand.any() else {},
        _told(len(names) - len(kept), _where(conditions, ~usual), _where(seeds, ~common)),
    )


def _where(values: Sequence[T], mask: NDArray[np.bool_]) -> list[T]:
    return [value for value, keep in zip(values, mask, strict=True) if keep]


def _told(losses: int, conditions: Collection[Condition], seeds: Collection[int]) -> str:
    parts = [f'{losses} {"loss" if losses == 1 else "losses"} without all trainings'] * bool(losses)
    parts += [f'{each.begin} {each.iterations}, which few losses have' for each in conditions]
    return '; '.join([*parts, *(f'seed {seed}, which few losses have' for seed in seeds)])
