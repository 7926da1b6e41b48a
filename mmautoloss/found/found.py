"""Found losses and the search that found them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import Any

from mmautoloss.branches import Branch
from mmautoloss.errors import ExpressionError, SetupError
from mmautoloss.expr import Tree
from mmautoloss.files import write_text
from mmautoloss.losses import SearchedLoss, input_kind
from mmautoloss.trial import Trial


@dataclass(frozen=True)
class NamedLoss:
    """A loss and its place in a model. Name and path are checked, since they are written into code.

    Attributes:
        name: Name of its branch in the search.
        path: Path of the branch in the model that was searched on; '' for a loss without a place.
        inputs: Kind of input.
        expression: Infix text.
        weight: ``loss_weight``.
        settings: Settings that it takes over from the loss that it replaces (``Branch.settings``).

    Raises:
        SetupError: The expression is invalid or reads names that its kind of input lacks, or another attribute is
            invalid.
    """

    name: str
    path: str
    inputs: str
    expression: str
    weight: float
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name or not _is_line(self.name):
            raise SetupError(f'The name of a loss must be text on one line, but got {self.name!r}; rename it.')
        if not isinstance(self.path, str) or not re.fullmatch(r'([\w-]+(\.[\w-]+)*)?', self.path):
            raise SetupError(
                f"The loss {self.name!r}: path must be that of a module, as 'rpn_head.loss_cls', or '', "
                f'but got {self.path!r}; correct it.'
            )
        if not _is_number(self.weight):
            raise SetupError(
                f'The loss {self.name!r}: weight must be a finite number, but got {self.weight!r}; correct it.'
            )
        try:
            SearchedLoss(self.expression, self.inputs, **self.branch.settings)
        except (ExpressionError, SetupError, TypeError) as error:
            raise SetupError(f'The loss {self.name!r}: {error}') from None

    @property
    def tree(self) -> Tree:
        """The expression as a tree."""
        return input_kind(self.inputs).parse(self.expression)

    @property
    def branch(self) -> Branch:
        """The branch in which it was found."""
        return Branch(self.name, self.path, self.inputs, self.settings)

    @property
    def entry(self) -> dict[str, Any]:
        """The attributes in JSON types, without empty settings."""
        return {key: value for key, value in asdict(self).items() if key != 'settings' or value}


@dataclass(frozen=True)
class Origin:
    """The search that found losses, as far as it is known.

    Attributes:
        trial: Number of the trial.
        seed: Its seed.
        metric: Key of the monitored metric.
        scores: Values of the metric with these losses, one per seed.
        hand_made: Values of the metric with the hand-made losses.
        fresh: Whether both are values with fresh seeds, by which nothing was chosen.
        fingerprint: Gradient fingerprint of the trial, with `` | `` between branches.
        searched: Day on which the search began, UTC, as 2026-01-31.
        version: Version of mmautoloss that searched.

    Raises:
        SetupError: An attribute has a wrong type; texts are written into comments and must be one line.
    """

    trial: int | None = None
    seed: int | None = None
    metric: str | None = None
    scores: tuple[float, ...] = ()
    hand_made: tuple[float, ...] = ()
    fingerprint: str = ''
    searched: str | None = None
    version: str | None = None
    fresh: bool = False

    def __post_init__(self) -> None:
        for key in ('metric', 'fingerprint', 'searched', 'version'):
            self._check(key, getattr(self, key) is None or _is_line(getattr(self, key)), 'text on one line')
        for key in ('trial', 'seed'):
            self._check(key, getattr(self, key) is None or _is_number(getattr(self, key)), 'a number')
        self._check('fresh', isinstance(self.fresh, bool), 'True or False')
        for key in ('scores', 'hand_made'):
            self._check(key, all(map(_is_number, getattr(self, key))), 'numbers')

    def _check(self, key: str, fits: bool, expected: str) -> None:
        if not fits:
            raise SetupError(f'The {key} of an origin must be {expected}, but got {getattr(self, key)!r}; correct it.')

    @property
    def entry(self) -> dict[str, Any]:
        """The attributes in JSON types; without ``fresh`` where it is false, as in files of earlier versions."""
        return {key: value for key, value in asdict(self).items() if key != 'fresh' or value}

    def __str__(self) -> str:
        words = ['found by mmautoloss', self.version or '']
        words += [f'on {self.searched}'] if self.searched else []
        words += [f'as trial {self.trial}, seed {self.seed}'] if self.trial is not None else []
        return ' '.join(filter(None, words))

    @property
    def result(self) -> str:
        """A sentence with the scores; '' if they are unknown."""
        if not self.scores:
            return ''
        hand_made = f'; hand-made losses {_listed(self.hand_made)}' if self.hand_made else ''
        seeds = 'with fresh seeds' if self.fresh else 'in the search, one training a seed'
        return f'{self.metric or "score"} {seeds}: {_listed(self.scores)}{hand_made}'


@dataclass(frozen=True)
class Found:
    """The losses of one trial, or losses written by hand.

    Attributes:
        losses: One per branch.
        origin: The search that found them; None for losses written by hand.
    """

    losses: tuple[NamedLoss, ...]
    origin: Origin | None = None

    def only(self, names: Collection[str]) -> Found:
        """The losses of the named branches.

        Raises:
            SetupError: A branch does not exist.
        """
        known = [loss.name for loss in self.losses]
        for name in names:
            if name not in known:
                raise SetupError(f'There is no found loss {name!r}; there are {", ".join(known)}.')
        return replace(self, losses=tuple(loss for loss in self.losses if loss.name in names))


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable()


def _is_number(value: Any) -> bool:
    """Whether a value is a number that is finite as a float."""
    is_real = isinstance(value, Real) and not isinstance(value, bool)
    return is_real and abs(value) <= sys.float_info.max


def _listed(scores: Sequence[float]) -> str:
    return ', '.join(f'{score:.4f}' for score in scores)


def found_losses(branches: Sequence[Branch], trial: Trial) -> tuple[NamedLoss, ...]:
    """The losses of a trial."""
    return tuple(
        NamedLoss(
            branch.name,
            branch.path,
            branch.inputs,
            str(trial.required_genome[branch.name]),
            trial.weights[branch.name],
            branch.settings,
        )
        for branch in branches
    )


def write_losses(path: Path, losses: Sequence[NamedLoss], origin: Origin | None = None) -> None:
    """Writes losses as JSON, each with its origin if that is known."""
    source = {'origin': origin.entry} if origin else {}
    write_text(path, json.dumps([{**loss.entry, **source} for loss in losses], indent=2) + '\n')
