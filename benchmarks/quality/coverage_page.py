"""How many of the losses of the libraries' own models can be searched?

Builds the model of one config of each folder that mmdet, mmseg, mmpose and, where it is installed, mmpretrain ship, and
counts the losses of these models and those that a search can replace.

    python benchmarks/coverage.py [--quick] [--page docs/coverage.md]

The last line is one JSON object: by library the share of the losses that can be searched, among those that heads call,
null where it is not installed, and ``built``, the share of the models that could be built. ``--quick`` takes a fixed
sample of the folders. ``--page`` writes the table of all models.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from shipped_models import LIBRARIES, Shipped, folder_of, inspect, one_of_each_folder

from mmautoloss.branches import ModelLoss
from mmautoloss.branches.contracts import NEVER_CALLED

_EVERY = 4
"""One folder of so many is in the sample."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='a fixed sample, under 50 s on one core')
    parser.add_argument('--page', type=Path, help='Markdown file for the table of all models')
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for library in LIBRARIES for row in inspected(library, _EVERY if args.quick else 1)]
    if args.page:
        args.page.write_text(page_of(rows), encoding='utf-8')
    print(json.dumps(shares_of(rows)))
    return 0


def inspected(library: str, every: int) -> list[Shipped]:
    """The models of a library, each with a line on the console."""
    if folder_of(library) is None:
        print(f'{library}: not installed')
    found = (inspect(library, path) for path in one_of_each_folder(library)[::every])
    rows = [row for row in found if row is not None]
    for row in rows:
        print(f'{row.library} {row.path}: {row.error or _counted(row.losses)}')
    return rows


def _counted(losses: Sequence[ModelLoss]) -> str:
    called = _called(losses)
    return f'{sum(map(_is_searchable, called))} of {len(called)} losses'


def _called(losses: Iterable[ModelLoss]) -> list[ModelLoss]:
    return [loss for loss in losses if loss.reason != NEVER_CALLED]


def _is_searchable(loss: ModelLoss) -> bool:
    return loss.inputs is not None


def shares_of(rows: Sequence[Shipped]) -> dict[str, float | None]:
    """The share of searchable losses of each library, and that of built models."""
    losses = {
        library: _called(loss for row in rows if row.library == library for loss in row.losses)
        for library in LIBRARIES
    }
    shares = {library: _share(found, _is_searchable) for library, found in losses.items()}
    return {**shares, 'built': _share(rows, lambda row: not row.error)}


def _share(items: Sequence[Any], holds: Callable[[Any], bool]) -> float | None:
    return round(sum(map(holds, items)) / len(items), 3) if items else None


def page_of(rows: Sequence[Shipped]) -> str:
    """The page of documentation."""
    parts = [_HEAD, _summary(rows)]
    for library in LIBRARIES:
        own = [row for row in rows if row.library == library]
        if own:
            parts += [f'## {library}', _table(own), _reasons(own), *_not_built(own)]
    return '\n\n'.join([*parts, 'Next: [Questions](faq.md)']) + '\n'


_HEAD = """\
# Which models can be searched

One config of each folder that mmdet, mmseg, mmpose and mmpretrain ship, the losses of its model, and the kind of
[input](config.md#train_cfg) with which each can be searched. `python -m mmautoloss branches CONFIG` says the same of any
config. Losses that their heads never call are listed, but not counted. This page is written by

```shell
python benchmarks/coverage.py --page docs/coverage.md
```"""


def _summary(rows: Sequence[Shipped]) -> str:
    lines = ['| library | models built | losses | searchable | share |', '| --- | --- | --- | --- | --- |']
    for library in LIBRARIES:
        own = [row for row in rows if row.library == library]
        losses = _called(loss for row in own for loss in row.losses)
        if own:
            counts = f'{sum(not row.error for row in own)} of {len(own)} | {len(losses)}'
            lines.append(f'| {library} | {counts} | {sum(map(_is_searchable, losses))} | {_percent(losses)} |')
    return '\n'.join(lines)


def _percent(losses: Sequence[ModelLoss]) -> str:
    return f'{100 * (_share(losses, _is_searchable) or 0):.1f} %'


def _table(rows: Sequence[Shipped]) -> str:
    lines = ['| models | searchable, with the kind of input | not searchable |', '| --- | --- | --- |']
    lines += [
        f'| {_folder(row)} | {_cell(row.losses, True)} | {_cell(row.losses, False)} |' for row in rows if not row.error
    ]
    return '\n'.join(lines)


def _folder(row: Shipped) -> str:
    return row.path.rpartition('/')[0]


def _cell(losses: Iterable[ModelLoss], searchable: bool) -> str:
    chosen = (loss for loss in losses if _is_searchable(loss) == searchable)
    return ', '.join(f'{loss.name} ({loss.inputs})' if searchable else f'{loss.name} ({loss.loss})' for loss in chosen)


def _reasons(rows: Sequence[Shipped]) -> str:
    """The reasons of what cannot be searched, the most frequent first."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for loss in row.losses:
            if loss.inputs is None:
                by_reason.setdefault((loss.loss, loss.reason), []).append(_folder(row))
    lines = ['| loss | models | why not, and what helps |', '| --- | --- | --- |']
    for (loss, reason), folders in sorted(by_reason.items(), key=lambda item: -len(item[1])):
        lines.append(f'| {loss} | {", ".join(dict.fromkeys(folders))} | {reason} |')
    return '\n'.join(lines) if by_reason else 'All can be searched.'


def _not_built(rows: Sequence[Shipped]) -> list[str]:
    """What could not be built, by reason."""
    by_error: dict[str, list[str]] = {}
    for row in rows:
        if row.error:
            by_error.setdefault(row.error, []).append(_folder(row))
    lines = [f'- {", ".join(folders)}: {error}' for error, folders in by_error.items()]
    return ['Models that could not be built here:', '\n'.join(lines)] if lines else []
