"""Weights of auxiliary losses that are chosen anew in each period of a training, as tasks are in SAC-X."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, is_main_process
from mmengine.hooks import Hook

from mmautoloss.checks import WrongTypeError, require_number, require_whole
from mmautoloss.compat import allow_mmengine_checkpoints
from mmautoloss.engine.loss_weights.choices import Table, draw
from mmautoloss.engine.loss_weights.held_back import HeldBack
from mmautoloss.engine.loss_weights.places import losses_at, require_disjoint, set_weight
from mmautoloss.engine.loss_weights.side_pass import aside, bare, recorded_calls
from mmautoloss.errors import SetupError
from mmautoloss.files import write_output
from mmautoloss.registry import HOOKS, register

KEY = 'auxiliary_schedule'
"""Where checkpoints have the choices."""

FILE = 'auxiliary_schedule.json'
"""Written into the work dir at the end."""

SCHEDULERS = ('uniform', 'learned')


@register(HOOKS, everywhere=True)
class AuxiliaryScheduleHook(Hook):
    """Chooses the weights of groups of losses anew in each period, and rewards a choice by what the main loss gained.

    The scheduler of SAC-X (Riedmiller et al., ICML 2018, arXiv 1802.10567) chooses the task of each period of an episode
    with the probability softmax(Q / temperature), where Q are mean rewards. Here a period is some iterations, an action
    is the ``loss_weight`` of each group, Q depends on the position in the training, and the reward is by which share the
    loss of the first group falls on a fixed batch that is held back. SAC-X learns Q over many episodes; one training has
    as many rewards as periods, so give its table to the next one with ``table``. At its end the training logs its
    schedule, to paste as ``LossWeightScheduleHook``.

    Args:
        groups: Paths of losses or heads, by name of a group; the first is the main one.
        actions: The possible weights, one a group.
        period: Iterations of a period.
        dataloader: The pictures that are held back: ``dataset``, ``batch_size``, and ``collate_fn`` if the model needs one.
        scheduler: ``'uniform'`` or ``'learned'``.
        temperature: Of the learned scheduler, in deviations of the mean rewards.
        positions: Parts of the training that Q tells apart.
        table: The file that an earlier training has written, or None.
        seed: Seed of the choices and of the pictures.

    Raises:
        SetupError: Here or in ``before_train``: a setting has no meaning, or there is no such loss.
    """

    def __init__(
        self,
        groups: Mapping[str, Sequence[str]],
        actions: Sequence[Sequence[float]],
        period: int,
        dataloader: Mapping[str, Any],
        scheduler: str = 'uniform',
        temperature: float = 1.0,
        positions: int = 1,
        table: str | None = None,
        seed: int = 0,
    ) -> None:
        _check_groups(groups, actions)
        require_whole('period', period, 1)
        require_number('temperature', temperature, 0, above=True)
        require_whole('positions', positions, 1)
        if scheduler not in SCHEDULERS:
            raise SetupError(f'scheduler must be one of {", ".join(SCHEDULERS)}, but got {scheduler!r}.')
        self.groups = {name: [*places] for name, places in groups.items()}
        self.actions = [tuple(float(weight) for weight in action) for action in actions]
        self.period, self.scheduler, self.temperature, self.seed = period, scheduler, temperature, seed
        self.held_back = HeldBack(dataloader, seed)
        self.table = Table(positions, len(actions))
        if table is not None:
            self.table.load(_read_table(table))
        self._paths: dict[str, list[str]] = {}
        self._choices: list[int] = []
        self._before = math.nan
        self._loaded: Mapping[str, Any] = {}

    def before_run(self, runner: Any) -> None:
        """Lets torch load checkpoints of MMEngine."""
        allow_mmengine_checkpoints()

    def before_train(self, runner: Any) -> None:
        """Finds the losses and reads the batch that is held back."""
        model = bare(runner.model)
        paths = {place: losses_at(model, place) for places in self.groups.values() for place in places}
        require_disjoint(paths)
        self._paths = {name: [p for place in places for p in paths[place]] for name, places in self.groups.items()}
        self._main = {path: model.get_submodule(path).loss_weight for path in next(iter(self._paths.values()))}
        self.held_back.require_apart(runner.cfg)
        self.held_back.build()
        if runner.iter:
            self._require_choices()
            self._choices, self._before = list(self._loaded['choices']), self._loaded['before']
            self._main = dict(self._loaded['main'])
            self.table.load(self._loaded['table'])

    def _require_choices(self) -> None:
        if not self._loaded:
            raise SetupError(
                'AuxiliaryScheduleHook cannot go on with a training that has begun without it, whose checkpoint has no '
                'choices: leave it out, or begin a new training with load_from in place of resume.'
            )

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Ends a period and chooses the next action, and sets its weights."""
        if runner.iter % self.period == 0:
            self._reward(runner)
            chances = [1.0] * len(self.actions)
            if self.scheduler == 'learned':
                chances = self.table.probabilities(self._position(runner, len(self._choices)), self.temperature)
            self._choices.append(draw(chances, self.seed, len(self._choices)))
        for paths, weight in zip(self._paths.values(), self.actions[self._choices[-1]], strict=True):
            set_weight(bare(runner.model), paths, weight)

    def after_train(self, runner: Any) -> None:
        """Rewards the last period, and gives the schedule."""
        self._reward(runner)
        weights = self._schedule()
        runner.logger.info(
            f"The schedule, to paste into custom_hooks:\ndict(type='mmautoloss.LossWeightScheduleHook', weights={weights!r})"
        )
        if is_main_process():
            found = {'weights': weights, 'actions': self.actions, **self.table.state()}
            write_output(Path(runner.work_dir) / FILE, json.dumps(found, indent=2) + '\n')

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Writes the choices and their rewards."""
        state = {'choices': [*self._choices], 'before': self._before, 'main': dict(self._main)}
        checkpoint[KEY] = {**state, 'table': self.table.state()}

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Keeps them for a training that is resumed."""
        self._loaded = checkpoint.get(KEY) or {}

    def _reward(self, runner: Any) -> None:
        """Adds the reward of the period that has ended, if one has."""
        now = self._main_loss(runner)
        if self._choices and math.isfinite(now) and math.isfinite(self._before) and self._before:
            reward = (self._before - now) / abs(self._before)
            self.table.add(self._position(runner, len(self._choices) - 1), self._choices[-1], reward)
        self._before = now if math.isfinite(now) else self._before

    def _position(self, runner: Any, period: int) -> int:
        positions, periods = len(self.table.sums), math.ceil(runner.train_loop.max_iters / self.period)
        return min(period * positions // periods, positions - 1)

    @torch.no_grad()
    def _main_loss(self, runner: Any) -> float:
        """The main loss, with its weights of the beginning, on the batch that is held back."""
        model = bare(runner.model)
        with aside(model, self.seed):
            for path, weight in self._main.items():
                set_weight(model, [path], weight)
            losses = {path: model.get_submodule(path) for path in self._main}
            calls = recorded_calls(model.eval(), losses, self.held_back.batch(0))
        values = [call.output.double().sum() for path in calls for call in calls[path]]
        if not values:
            raise SetupError(
                f'The model calls no loss of the main group ({", ".join(losses)}) on the pictures that are held back: take '
                'others or more of them, or a loss that it calls always.'
            )
        total = torch.stack(values).sum()
        all_reduce(total, 'mean')
        return float(total)

    def _schedule(self) -> dict[str, list[tuple[int, float]]]:
        """The choices as schedules by place, where weights change."""
        found: dict[str, list[tuple[int, float]]] = {}
        for index, places in enumerate(self.groups.values()):
            weights = [self.actions[choice][index] for choice in self._choices]
            points = [
                (number * self.period, weight)
                for number, weight in enumerate(weights)
                if not number or weight != weights[number - 1]
            ]
            found |= dict.fromkeys(places, points)
        return found


def _check_groups(groups: Any, actions: Any) -> None:
    lists = isinstance(groups, Mapping) and all(
        isinstance(places, (list, tuple)) and places for places in groups.values()
    )
    if not lists or not groups:
        raise WrongTypeError(
            "groups must be paths by name, the main group first, such as dict(main=['decode_head'], "
            f"aux=['auxiliary_head']), but got {groups!r}."
        )
    if not isinstance(actions, Sequence) or len(actions) < 2:
        raise WrongTypeError(
            f'actions must be a list of at least two, such as [(1, 0.4), (1, 0)], but got {actions!r}.'
        )
    for action in actions:
        if not isinstance(action, Sequence) or len(action) != len(groups):
            raise SetupError(
                f'Each of actions must have a weight for each of {", ".join(groups)}, but got {action!r}.'
            )
        for weight in action:
            require_number('each weight in actions', weight, 0)


def _read_table(path: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(path).read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise SetupError(
            f'table must be the {FILE} of an earlier training, but {path} cannot be read: {error}'
        ) from None
    if not isinstance(found, dict):
        raise SetupError(f'table must be the {FILE} of an earlier training, but {path} is something else.')
    return found
