"""Weights of losses by a schedule: ``custom_hooks=[dict(type='mmautoloss.LossWeightScheduleHook', ...)]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook

from mmautoloss.checks import WrongTypeError, require_number, require_whole
from mmautoloss.engine.loss_weights.places import losses_at, require_disjoint, set_weight
from mmautoloss.engine.loss_weights.side_pass import bare
from mmautoloss.errors import SetupError
from mmautoloss.registry import HOOKS, register

Point = tuple[float, float]
"""A begin, in iterations if it is whole, else as a share of the training; and the weight from there on."""


@register(HOOKS, everywhere=True)
class LossWeightScheduleHook(Hook):
    """Sets the ``loss_weight`` of losses by iteration, as schedulers set learning rates.

    A weight is a function of the iteration alone, so nothing is kept for a resume. It is set before each iteration, also
    for a loss that ``LossSwitchHook`` has put there.

    Args:
        weights: By path of a loss or of a head (all of its losses) a list of pairs: where a weight begins, as an
            iteration (whole number) or a share of the training (below 1), and the weight. The first begins at 0.

    Raises:
        SetupError: Here or in ``before_train``: a schedule has no meaning, or there is no such loss.
    """

    def __init__(self, weights: Mapping[str, Sequence[Point]]) -> None:
        if not isinstance(weights, Mapping) or not weights:
            raise WrongTypeError(
                "weights must be schedules by path, such as {'auxiliary_head': [(0, 0.4), (200, 0.0)]}, but got "
                f'{weights!r}.'
            )
        self.weights = {place: _read_schedule(place, points) for place, points in weights.items()}
        self._schedules: list[tuple[list[str], list[tuple[int, float]]]] = []

    def before_train(self, runner: Any) -> None:
        """Finds the losses."""
        model, length = bare(runner.model), runner.train_loop.max_iters
        paths = {place: losses_at(model, place) for place in self.weights}
        require_disjoint(paths)
        self._schedules = [
            (paths[place], _by_iteration(place, points, length)) for place, points in self.weights.items()
        ]

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Sets the weights."""
        for paths, points in self._schedules:
            weight = next(weight for begin, weight in reversed(points) if begin <= runner.iter)
            set_weight(bare(runner.model), paths, weight)


def _read_schedule(place: str, points: Any) -> list[Point]:
    if not isinstance(points, Sequence) or not points or not all(_is_pair(point) for point in points):
        raise WrongTypeError(
            f'The schedule of {place!r} must be pairs of a begin and a weight, such as [(0, 0.4), (200, 0.0)], but got '
            f'{points!r}.'
        )
    for begin, weight in points:
        if isinstance(begin, float):
            require_number(f'a begin in the schedule of {place!r}', begin, 0, 1)
        else:
            require_whole(f'a begin in the schedule of {place!r}', begin)
        require_number(f'a weight in the schedule of {place!r}', weight, 0)
    if points[0][0] != 0:
        raise SetupError(f'The schedule of {place!r} must begin at 0, but begins at {points[0][0]}.')
    return [(begin, weight) for begin, weight in points]


def _is_pair(point: Any) -> bool:
    return isinstance(point, Sequence) and not isinstance(point, str) and len(point) == 2


def _by_iteration(place: str, points: list[Point], length: int) -> list[tuple[int, float]]:
    found = [(round(begin * length) if isinstance(begin, float) else int(begin), weight) for begin, weight in points]
    begins = [begin for begin, _ in found]
    if sorted(set(begins)) != begins:
        raise SetupError(f'The schedule of {place!r} must rise from one begin to the next, but these are {begins}.')
    return found
