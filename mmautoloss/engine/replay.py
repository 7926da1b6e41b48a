"""Proposals of a journal computed again, from what was known when they were made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mmautoloss.engine.branches import build_model
from mmautoloss.engine.config import spec_of
from mmautoloss.engine.launch import CONFIG, make_screens
from mmautoloss.engine.spec import SearchSpec
from mmautoloss.errors import SetupError
from mmautoloss.screen import load_probes
from mmautoloss.search import Planner
from mmautoloss.trial import History, Trial, outcome_from_json


class Replayed(NamedTuple):
    """A proposal and what it should have been.

    Attributes:
        number: Number of the trial.
        differences: By field, what the journal says and what was computed now; none where both agree.
    """

    number: int
    differences: dict[str, tuple[Any, Any]]


def replay(events: Iterable[Mapping[str, Any]], planner: Planner, first: int = 0) -> Iterator[Replayed]:
    """Computes proposals again.

    Args:
        events: The events of a journal, in its order.
        planner: That of the search.
        first: Proposals before this trial are taken as they are.
    """
    history = History()
    for event in events:
        fields = {key: value for key, value in event.items() if key not in ('event', 'time', 'crc')}
        if event['event'] == 'proposed':
            trial = Trial.from_json(fields)
            if trial.number >= first:
                yield Replayed(trial.number, _differences(trial, planner.make(trial.role, history)))
            history.add(trial)
        elif event['event'] == 'settled':
            number = fields.pop('number')
            del fields['elapsed']
            history.settle(number, outcome_from_json(fields))


def load_planner(work_dir: Path, config: Path | None = None) -> Planner:
    """The planner of a search, without its data: probes are read, and only the model is built, for its losses.

    Args:
        work_dir: Work dir of the search.
        config: Its search config, where the work dir has none.

    Raises:
        SetupError: A file is missing.
    """
    spec = _load_spec(work_dir, config)
    path = work_dir / 'probes.pt'
    if not path.is_file():
        raise SetupError(
            f'The probes of the search are not there: {path}. Without them no verdict can be found again.'
        )
    if spec.execute.threads:
        torch.set_num_threads(spec.execute.threads)
    model = build_model(spec.base)
    hand_made = {branch.name: branch.loss(model) for branch in spec.branches}
    screens = make_screens(spec, load_probes(path), hand_made)
    return Planner(spec.search, spec.strategy, screens)


def _load_spec(work_dir: Path, config: Path | None) -> SearchSpec:
    from mmengine.config import Config

    path = config or work_dir / CONFIG
    if not path.is_file():
        raise SetupError(f'There is no {path}. Name the search config of this journal with --config CONFIG.')
    cfg = Config.fromfile(path)
    cfg.work_dir = str(work_dir)
    return spec_of(cfg)


def _differences(trial: Trial, again: Trial | None) -> dict[str, tuple[Any, Any]]:
    told, found = trial.to_json(), again.to_json() if again else {}
    return {key: (value, found.get(key)) for key, value in told.items() if value != found.get(key)}
