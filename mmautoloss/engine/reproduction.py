"""Recomputes the proposals of a journal from the history that each was made from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mmautoloss.engine.config.branches import hand_made_losses
from mmautoloss.engine.config.read import read_config
from mmautoloss.engine.config.search import spec_of
from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.config.trusted import chosen_config
from mmautoloss.errors import SetupError
from mmautoloss.screen import Screen, join_tasks, load_probes, probes_file
from mmautoloss.search import Budget, Planner
from mmautoloss.trial import History, Role, Trial, outcome_from_json
from mmautoloss.trial.journal import check_header


class Replayed(NamedTuple):
    """A proposal that was recomputed.

    Attributes:
        number: Number of the trial.
        differences: The values in the journal and the recomputed ones, by field; empty if they agree.
    """

    number: int
    differences: dict[str, tuple[Any, Any]]


def replay(events: Iterable[Mapping[str, Any]], planner: Planner, first: int = 0) -> Iterator[Replayed]:
    """Recomputes proposals.

    Args:
        events: The events of a journal, in its order.
        planner: The planner of the search.
        first: The first trial whose proposal is recomputed.
    """
    history = History()
    for event in events:
        fields = {key: value for key, value in event.items() if key not in ('event', 'time', 'crc')}
        if event['event'] == 'started':  # a resume may have another budget
            planner.settings = replace(planner.settings, budget=Budget.recorded(event['budget']))
        elif event['event'] == 'proposed':
            trial = Trial.from_json(fields)
            if trial.number >= first:
                yield Replayed(trial.number, _compare(trial, planner, history))
            history.add(trial)
        elif event['event'] == 'settled':
            number = fields.pop('number')
            del fields['elapsed']
            history.settle(number, outcome_from_json(fields))


def load_planner(work_dir: Path, header: Mapping[str, Any], config: Path | None = None) -> Planner:
    """The planner of a search, without its data: probes are read, and only the model is built, for its losses.

    Sets torch's number of threads to that of the search, since the rounding of verdicts depends on it.

    Args:
        work_dir: Work dir of the search.
        header: The first event of its journal.
        config: Its search config, as for ``load_spec``.

    Raises:
        SetupError: A file is missing.
        JournalError: The config is of another search.
    """
    spec = load_spec(work_dir, config)
    check_header(work_dir / 'journal.jsonl', dict(header), dict(spec.header))
    torch.set_num_threads(int(header['info'].get('threads', spec.execute.threads or torch.get_num_threads())))
    screens = join_tasks(
        {task: _screens(replace(own, screen=spec.screen), task) for task, own in (spec.tasks or {'': spec}).items()}
    )
    if not spec.execute.in_driver:
        torch.set_num_threads(1)  # as in the search, from here on
    return Planner(spec.search, spec.strategy, screens)


def _screens(spec: SearchSpec, task: str) -> Mapping[str, Screen]:
    path = spec.work_dir / probes_file(task)
    if not path.is_file():
        raise SetupError(
            f'The probes of the search are not there: {path}. Without them no verdict can be found again.'
        )
    return spec.screen.build(load_probes(path), hand_made_losses(spec.base, spec.branches))


def load_spec(work_dir: Path, config: Path | None = None) -> SearchSpec:
    """The search of a work dir, from its resolved config.

    Args:
        work_dir: Work dir of the search.
        config: Its search config, where the work dir has none that a search of this user has written.

    Raises:
        SetupError: There is no config, none that may be run, or it cannot work here, for instance if its data have moved.
    """
    cfg = read_config(chosen_config(work_dir, config))
    cfg.work_dir = str(work_dir)
    return spec_of(cfg)


def _compare(trial: Trial, planner: Planner, history: History) -> dict[str, tuple[Any, Any]]:
    # the elapsed time, which decides whether the search was over, is not in the journal
    bred = trial.role is Role.SEARCH and not trial.measures_again  # the best may also be measured again after the end
    times = (0.0, math.inf) if bred else (math.inf, 0.0)
    roles, found = set(), []
    for elapsed in times:
        again = planner.next(history, elapsed)
        if again is not None and again.role is trial.role:
            journal, recomputed = trial.to_json(), again.to_json()
            found.append(
                {
                    key: (journal.get(key), recomputed.get(key))
                    for key in {**journal, **recomputed}
                    if journal.get(key) != recomputed.get(key)
                }
            )
            if not found[-1]:
                return {}
        roles.add(again.role.value if again else None)
    return found[0] if found else {'role': (trial.role.value, ' or '.join(sorted(filter(None, roles))) or None)}
