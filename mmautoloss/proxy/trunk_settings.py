"""Where candidates begin: as their config says, in a trunk, or at a model of the user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmautoloss.checks import require_number
from mmautoloss.errors import SetupError

RATES = ('held', 'scheduled')
OPTIMIZERS = ('keep', 'new')


@dataclass(frozen=True)
class Trunk:
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
        require_share('proxy.begin.at', self.at)
        for key, value, choices in (('rate', self.rate, RATES), ('optimizer', self.optimizer, OPTIMIZERS)):
            if value not in choices:
                raise SetupError(f'proxy.begin.{key} must be one of {", ".join(choices)}, but got {value!r}.')


@dataclass(frozen=True)
class TrunkPlan:
    """What an evaluator must know of a trunk.

    Attributes:
        trunk: Its settings.
        folder: Where trunks are saved.
        schedulers: ``param_scheduler`` of the training from begin to end with which a trunk is compared.
    """

    trunk: Trunk
    folder: str
    schedulers: Any = None


def require_share(name: str, value: Any) -> None:
    """Requires a number between 0 and 1, both excluded.

    Raises:
        SetupError: It is none.
    """
    require_number(name, value)
    if not 0 < value < 1:
        raise SetupError(f'{name} must be a share of the training between 0 and 1, such as 0.9, but got {value}.')


def trunk_steps(schedule: Mapping[str, Any], at: float) -> int:
    """The length of a trunk, in the steps of the schedule: iterations or epochs.

    Raises:
        SetupError: The schedule has no length, or is too short to be cut there.
    """
    unit = 'max_iters' if schedule.get('max_iters') else 'max_epochs'
    length = schedule.get(unit)
    if not length:
        raise SetupError(
            f'proxy.schedule needs max_iters or max_epochs to be cut into trunk and rest, but got {schedule}.'
        )
    steps = round(at * length)
    if not 1 <= steps < length:
        raise SetupError(
            f'proxy.begin.at must leave a step before and after it, but {at} of {unit}={length} is {steps}. '
            'Choose another share, or a longer schedule.'
        )
    return steps
