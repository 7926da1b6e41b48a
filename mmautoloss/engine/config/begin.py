"""``proxy.begin``: where candidates begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mmautoloss.checks import require_number, require_whole
from mmautoloss.engine.config.sections import build
from mmautoloss.engine.config.train_length import require_share
from mmautoloss.errors import SetupError
from mmautoloss.proxy import sha256_of

RATES = ('held', 'scheduled')
OPTIMIZERS = ('keep', 'new')

USUAL_RATE = 0.5
"""Of a training from a checkpoint; rows of results name another."""


@dataclass(frozen=True)
class TrunkBegin:
    """``proxy.begin='trunk'``: one training with the hand-made losses a seed, which all candidates of the seed continue.

    Attributes:
        at: Share of the training that is the trunk; the rest is that of a candidate.
        rate: ``'held'``: after its warm-up the learning rate stays until the trunk ends, and falls to 0 in the rest;
            ``'scheduled'``: as the config says, so that hand-made losses after a trunk are a plain training.
        optimizer: ``'keep'``: a candidate goes on with the optimiser's state (momenta) of the trunk; ``'new'``: without.

    Raises:
        SetupError: A value is none of these.
    """

    at: float = 0.9
    rate: str = 'held'
    optimizer: str = 'keep'

    def __post_init__(self) -> None:
        require_share(self.at, 'proxy.begin.at')
        for key, value, choices in (('rate', self.rate, RATES), ('optimizer', self.optimizer, OPTIMIZERS)):
            if value not in choices:
                raise SetupError(f'proxy.begin.{key} must be one of {", ".join(choices)}, but got {value!r}.')

    @property
    def label(self) -> str:
        """A word for rows of results."""
        return f'late{self.at:g}' + '_scheduled' * (self.rate != 'held') + '_new' * (self.optimizer == 'new')


@dataclass(frozen=True)
class CheckpointBegin:
    """``proxy.begin=dict(checkpoint=PATH)``: candidates train a model on that is trained already.

    Attributes:
        checkpoint: Its file.
        length: Length of a candidate's training as a share of the base config's, unless ``proxy.schedule`` is given.
        rate: Share of the config's learning rate at which it begins; it falls to 0. None: as ``param_scheduler`` says.

    Raises:
        SetupError: A value cannot be one.
    """

    checkpoint: str
    length: float = 0.1
    rate: float | None = USUAL_RATE

    def __post_init__(self) -> None:
        if not isinstance(self.checkpoint, str) or not Path(self.checkpoint).is_file():
            raise SetupError(
                f'proxy.begin.checkpoint must be the file of a trained model on this machine, but got {self.checkpoint!r}.'
            )
        require_number('proxy.begin.length', self.length)
        if not self.length > 0:
            raise SetupError(f'proxy.begin.length must be above 0, but got {self.length}.')
        if self.rate is not None:
            require_number('proxy.begin.rate', self.rate)
            if not 0 < self.rate <= 1:
                raise SetupError(f'proxy.begin.rate must be above 0 and at most 1, but got {self.rate}.')

    @property
    def label(self) -> str:
        """A word for rows of results, with the first digits of the file's SHA-256."""
        rate = '_scheduled' if self.rate is None else f'_rate{self.rate:g}' * (self.rate != USUAL_RATE)
        return f'from_checkpoint_{sha256_of(Path(self.checkpoint))[:8]}{rate}'


@dataclass(frozen=True)
class BestBegin:
    """``proxy.begin='best'``: a training in generations, each from the weights that the best of the one before left.

    Attributes:
        generations: Their number, which divides the length of the training.
        candidates: Candidates of each; None for as many as the strategy learns from at a time, or 8.
        optimizer: ``'keep'``: a generation goes on with the optimiser's state (momenta) of the best before; ``'new'``:
            without.

    Raises:
        SetupError: A value cannot be one.
    """

    generations: int = 10
    candidates: int | None = None
    optimizer: str = 'keep'

    def __post_init__(self) -> None:
        require_whole('proxy.begin.generations', self.generations, 2)
        if self.candidates is not None:
            require_whole('proxy.begin.candidates', self.candidates, 2)
        if self.optimizer not in OPTIMIZERS:
            raise SetupError(
                f'proxy.begin.optimizer must be one of {", ".join(OPTIMIZERS)}, but got {self.optimizer!r}.'
            )


def read_begin(value: Any) -> TrunkBegin | CheckpointBegin | BestBegin | None:
    """Reads ``proxy.begin``; None for a training from scratch.

    Raises:
        SetupError: It is none of the known beginnings.
    """
    if value in (None, 'scratch'):
        return None
    if value == 'trunk':
        return TrunkBegin()
    if value == 'best':
        return BestBegin()
    if isinstance(value, Mapping) and 'checkpoint' in value and 'at' in value:
        raise SetupError(f'proxy.begin is a trunk (at=...) or a checkpoint, not both, but got {dict(value)}.')
    if isinstance(value, Mapping) and 'checkpoint' in value:
        return build('proxy.begin', CheckpointBegin, value)
    if isinstance(value, Mapping) and set(value) & {'generations', 'candidates'}:
        return build('proxy.begin', BestBegin, value)
    if isinstance(value, Mapping) and set(value) & {field.name for field in fields(TrunkBegin)}:
        return build('proxy.begin', TrunkBegin, value)
    raise SetupError(
        "proxy.begin must be 'scratch', 'trunk', dict(at=..., rate=..., optimizer=...) for a trunk, "
        f"dict(checkpoint=PATH), 'best', or dict(generations=...) for one training in generations, but got {value!r}."
    )
