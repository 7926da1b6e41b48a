"""The row of one trained and validated network: what was trained, how, on which images, and its score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from mmautoloss.losses import name_of
from mmautoloss.proxy import ProxySettings
from mmautoloss.report.description import Description
from mmautoloss.trial import Role, Trial

USUAL = 'usual weight'
"""Origin of a known loss that has the weight of the hand-made one instead of one matched to its gradient."""

SCRATCH = 'scratch'
"""``begin`` of a training that begins as the config says."""

CHECKPOINT = 'from_checkpoint'
"""How the ``begin`` of a training from a checkpoint starts; which one follows, but for rows of older files."""

_VARIANTS = {'scheduled': 'rate as scheduled', 'new': 'new optimizer'}
"""What the endings of a ``begin`` mean."""


class Conditions(NamedTuple):
    """What the settings of a training do not say of it.

    Attributes:
        begin: ``scratch``, or where the training with the losses of the row began: ``late0.9``, ``late0.9_scheduled``,
            ``late0.9_new`` (after a trunk, ``TrunkBegin.label``), ``from_checkpoint_1a2b3c4d`` (``CheckpointBegin.label``).
        images: Number and digest of the images that the model was trained on, such as ``388:5f3a91c2``; of the training
            from a checkpoint only its own are known. '' where unknown.
    """

    begin: str = SCRATCH
    images: str = ''


class Setting(NamedTuple):
    """What the rows of one comparison have in common; attributes as in ``ResultRow``."""

    set: str
    network: str
    begin: str
    metric: str
    split: str
    iterations: int
    tail: int

    @property
    def length(self) -> str:
        """The length of the training in words.

        Example:
            >>> Setting('s', 'n', 'late0.9', 'BF1', 'test', 700, 70).length
            'the last 70 of 700 iterations'
        """
        if self.begin in ('', SCRATCH):
            return f'{self.iterations} iterations'
        if self.begin.startswith(CHECKPOINT):
            which, *parts = self.begin.removeprefix(CHECKPOINT).split('_')[1:] or ['']
            length = f'{self.iterations} iterations from {f"checkpoint {which}" if which else "a checkpoint"}'
        else:
            _, *parts = self.begin.split('_')
            length = f'the last {self.tail} of {self.iterations} iterations'
        return ', '.join([length, *(_VARIANTS.get(part, part) for part in parts)])


class ResultRow(NamedTuple):
    """One metric of one trained and validated network.

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
        begin: As in ``Conditions``; '' in rows of older files, which are from scratch unless ``network`` says otherwise.
        iterations: Length of the whole training, with its trunk; from a checkpoint only what came after it.
        tail: Iterations with the losses of the row: all, or those after the trunk.
        images: As in ``Conditions``.
        value: The metric as reported, without a change of sign; NaN of a training that failed, which only
            ``benchmarks/quality/record.py`` files and tables leave out.
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
    begin: str
    iterations: int
    tail: int
    images: str
    value: float

    @property
    def identity(self) -> tuple[str, str, str]:
        """The identity of its losses: name, expressions and weights."""
        return self.loss, self.expression, self.weights

    @property
    def training(self) -> tuple[Any, ...]:
        """The identity of the row: all columns but its value."""
        return tuple(self._replace(begin=self.begin or SCRATCH)[:-1])

    @property
    def setting(self) -> Setting:
        """What it shares with the rows with which it is compared."""
        fields = {field: getattr(self, field) for field in Setting._fields}
        return Setting(**{**fields, 'begin': self.begin or SCRATCH})


def make_row(
    trial: Trial,
    describe: Description,
    proxy: ProxySettings,
    value: float,
    conditions: Conditions = Conditions(),  # noqa: B008 (it cannot change)
) -> ResultRow:
    """The row of one training.

    Args:
        trial: The trained trial.
        describe: The labels of the row.
        proxy: The settings of the training.
        value: The score, as the metric reports it.
        conditions: What these do not say.
    """
    iterations = length_of(proxy.schedule)
    return ResultRow(
        task=describe.task,
        set=describe.set,
        network=describe.network,
        metric=proxy.metric,
        loss=loss_name(trial, describe),
        expression='' if trial.genome is None else json.dumps(trial.genome.to_text()),
        weights=_weights(trial),
        seed=trial.seed,
        split=describe.split,
        begin=conditions.begin,
        iterations=iterations,
        tail=iterations - (proxy.trunk.steps if proxy.trunk else 0),
        images=conditions.images,
        value=value,
    )


def _weights(trial: Trial) -> str:
    """Weights in the order of the expressions; '' for hand-made losses, whose weights the trial does not have."""
    known = {name: float(f'{trial.weights[name]:.6g}') for name in trial.genome or () if name in trial.weights}
    return json.dumps(known) if known else ''


def length_of(schedule: Mapping[str, Any]) -> int:
    """Iterations of a training, or epochs where its length is given in epochs."""
    return int(schedule.get('max_iters') or schedule.get('max_epochs') or 0)


def loss_name(trial: Trial, describe: Description) -> str:
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
