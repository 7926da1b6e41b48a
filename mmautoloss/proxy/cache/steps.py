"""Which steps of a data pipeline give the same every time, and which draw one of a few; all others may do anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

Transform = Callable[[Any], Any]

_MMCV, _MMDET = 'mmcv.transforms', 'mmdet.datasets.transforms'
_MMSEG, _MMPOSE = 'mmseg.datasets.transforms', 'mmpose.datasets.transforms'

ALWAYS_THE_SAME = frozenset(
    {
        f'{_MMCV}.loading:LoadImageFromFile',
        f'{_MMCV}.loading:LoadAnnotations',
        f'{_MMCV}.processing:Resize',
        f'{_MMCV}.processing:Pad',
        f'{_MMCV}.processing:Normalize',
        f'{_MMCV}.processing:CenterCrop',
        f'{_MMDET}.loading:LoadAnnotations',
        f'{_MMDET}.loading:FilterAnnotations',
        f'{_MMDET}.transforms:Resize',
        f'{_MMDET}.transforms:FixScaleResize',
        f'{_MMDET}.transforms:FixShapeResize',
        f'{_MMDET}.transforms:Pad',
        f'{_MMDET}.formatting:PackDetInputs',
        f'{_MMSEG}.loading:LoadAnnotations',
        f'{_MMSEG}.transforms:Resize',
        f'{_MMSEG}.transforms:ResizeToMultiple',
        f'{_MMSEG}.transforms:ResizeShortestEdge',
        f'{_MMSEG}.formatting:PackSegInputs',
        f'{_MMPOSE}.loading:LoadImage',
        f'{_MMPOSE}.common_transforms:GetBBoxCenterScale',
        f'{_MMPOSE}.topdown_transforms:TopdownAffine',
        f'{_MMPOSE}.formatting:PackPoseInputs',
    }
)
"""Transforms (module and class) whose result is a function of the sample alone, whatever their settings are."""

_CODECS = frozenset(
    f'mmpose.codecs.{name}'
    for name in (
        'msra_heatmap:MSRAHeatmap',
        'udp_heatmap:UDPHeatmap',
        'megvii_heatmap:MegviiHeatmap',
        'simcc_label:SimCCLabel',
        'regression_label:RegressionLabel',
        'integral_regression_label:IntegralRegressionLabel',
    )
)


def _draws_nothing(transform: Any) -> bool:
    """Whether no codec of a ``GenerateTarget`` draws; ``DecoupledHeatmap`` does."""
    encoders = transform.encoder if isinstance(transform.encoder, list) else [transform.encoder]
    return all(_name(encoder) in _CODECS for encoder in encoders)


ON_CONDITION: Mapping[str, Callable[[Any], bool]] = {f'{_MMPOSE}.common_transforms:GenerateTarget': _draws_nothing}
"""Transforms of which the same holds where their settings are right."""

ONE_OF_FEW: Mapping[str, str] = {
    f'{_MMCV}.processing:RandomFlip': '_choose_direction',
    f'{_MMDET}.transforms:RandomFlip': '_choose_direction',
    f'{_MMSEG}.transforms:RandomFlip': '_choose_direction',
    f'{_MMPOSE}.common_transforms:RandomFlip': '_choose_direction',
}
"""Transforms whose result is a function of the sample and of what this one method draws, a direction or None."""


class Fork(NamedTuple):
    """A transform that draws one of a few.

    Attributes:
        transform: The transform.
        method: Name of the method that draws.
    """

    transform: Any
    method: str

    @property
    def ways(self) -> int:
        """How many results there may be."""
        direction = self.transform.direction
        return 2 if isinstance(direction, str) else len(direction) + 1

    def draw(self) -> Any:
        """What the transform would draw."""
        return getattr(self.transform, self.method)()

    def take(self, sample: Any, choice: Any) -> Any:
        """The result for a choice, without drawing."""
        with self._decided(choice):
            return self.transform(sample)

    @contextmanager
    def _decided(self, choice: Any) -> Iterator[None]:
        setattr(self.transform, self.method, lambda: choice)
        try:
            yield
        finally:
            delattr(self.transform, self.method)


class Steps(NamedTuple):
    """A pipeline in parts, in their order.

    Attributes:
        lead: Give the same for a sample every time.
        fork: The first one that draws, where what it may draw is known.
        after: Behind the fork: give the same for a sample and what the fork drew.
        rest: Must be run every time.
    """

    lead: tuple[Transform, ...]
    fork: Fork | None
    after: tuple[Transform, ...]
    rest: tuple[Transform, ...]

    @property
    def known(self) -> list[Transform]:
        """All before the rest."""
        return [*self.lead, *([self.fork.transform] if self.fork else []), *self.after]

    @property
    def ways(self) -> int:
        """How many results a sample may have before the rest."""
        return self.fork.ways if self.fork else 1


def split(transforms: Sequence[Transform], forks: bool = True) -> Steps:
    """Cuts a pipeline before the first transform that may do anything.

    Args:
        transforms: The pipeline.
        forks: Whether a transform that draws one of a few may be among the parts before.
    """
    lead = _leading(transforms)
    rest = tuple(transforms[len(lead) :])
    method = ONE_OF_FEW.get(_name(rest[0])) if forks and rest else None
    if method is None:
        return Steps(lead, None, (), rest)
    after = _leading(rest[1:])
    return Steps(lead, Fork(rest[0], method), after, rest[1 + len(after) :])


def _leading(transforms: Sequence[Transform]) -> tuple[Transform, ...]:
    count = 0
    while count < len(transforms) and _is_the_same(transforms[count]):
        count += 1
    return tuple(transforms[:count])


def _is_the_same(transform: Transform) -> bool:
    name = _name(transform)
    return name in ALWAYS_THE_SAME or (name in ON_CONDITION and ON_CONDITION[name](transform))


def _name(thing: Any) -> str:
    """Module and class; a class derived from a known one is another."""
    return f'{type(thing).__module__}:{type(thing).__qualname__}'
