"""The funnel over lengths: which found losses are trained again for longer, and how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from mmautoloss.checks import WrongTypeError, require_number, require_whole
from mmautoloss.errors import SetupError


@dataclass(frozen=True)
class FunnelStage:
    """A stage of the funnel, in which all losses have trainings of one length and the same seeds.

    Attributes:
        times: Length of its trainings as a multiple of that of a candidate.
        keep: Number of the best found losses that enter it.
        seeds: Trainings of each loss.

    Raises:
        SetupError: The length is not above 1, or one of the others is not a positive number.
    """

    times: float
    keep: int
    seeds: int = 1

    def __post_init__(self) -> None:
        require_number('budget.funnel.stages.times', self.times, 1, above=True)
        require_whole('budget.funnel.stages.keep', self.keep, 1)
        require_whole('budget.funnel.stages.seeds', self.seeds, 1)


@dataclass(frozen=True)
class Funnel:
    """``budget.funnel`` of a search config: the best found losses are trained longer and longer.

    The hand-made and the best known losses are trained beside them; a found loss that is not better than the best of these
    falls. The protocol is that of Lion (Chen et al., 2023, arXiv 2302.06675, section 2.3).

    Attributes:
        stages: The stages, with rising lengths.
        rivals: Number of known losses in a stage, the best ones at the length before.

    Raises:
        SetupError: There is no stage, lengths do not rise, or a number is out of range.
    """

    stages: tuple[FunnelStage, ...] = (FunnelStage(3, 8), FunnelStage(10, 3, 3))
    rivals: int = 2

    def __post_init__(self) -> None:
        require_whole('budget.funnel.rivals', self.rivals)
        lengths = [stage.times for stage in self.stages]
        if not lengths or lengths != sorted(set(lengths)):
            raise SetupError(
                'budget.funnel.stages must have at least one stage, each longer than the one before, '
                f'but got times {lengths}.'
            )


def read_funnel(value: Any) -> Funnel | None:
    """The funnel of a config or a journal, which have it in plain values; None if there is none.

    Raises:
        SetupError: A setting is unknown, has the wrong type or an invalid value.
    """
    if value is None or isinstance(value, Funnel):
        return value
    given = _known('budget.funnel', Funnel, value)
    if 'stages' not in given:
        return Funnel(**given)
    stages = given.pop('stages')
    if not isinstance(stages, Sequence) or isinstance(stages, str):
        raise WrongTypeError(
            f'budget.funnel.stages must be a list such as [dict(times=3, keep=8)], but got {stages!r}.'
        )
    return Funnel(tuple(map(_read_stage, stages)), **given)


def _read_stage(value: Any) -> FunnelStage:
    if isinstance(value, FunnelStage):
        return value
    given = _known('a stage of budget.funnel.stages', FunnelStage, value)
    missing = {'times', 'keep'} - set(given)
    if missing:
        raise SetupError(f'A stage of budget.funnel.stages needs {", ".join(sorted(missing))}, but got {given}.')
    return FunnelStage(**given)


def _known(name: str, kind: Any, value: Any) -> dict[str, Any]:
    """Settings that a dataclass has."""
    names = [field.name for field in fields(kind)]
    if not isinstance(value, Mapping):
        raise WrongTypeError(f'{name} must be a dict with {", ".join(names)}, but got {value!r}.')
    unknown = sorted(set(value) - set(names))
    if unknown:
        raise SetupError(f'{name} has no setting {", ".join(unknown)}; there are {", ".join(names)}.')
    return dict(value)
