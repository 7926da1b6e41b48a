"""Splits a data pipeline into deterministic steps, one random step with few outcomes, and all others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

Transform = Callable[[Any], Any]

_MMCV, _MMDET = 'mmcv.transforms', 'mmdet.datasets.transforms'
_MMSEG, _MMPOSE = 'mmseg.datasets.transforms', 'mmpose.datasets.transforms'
_MMPRETRAIN = 'mmpretrain.datasets.transforms'

DETERMINISTIC = frozenset(
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
        f'{_MMPRETRAIN}.processing:ResizeEdge',
        f'{_MMPRETRAIN}.formatting:PackInputs',
    }
)
"""Transforms (module and class) whose result depends on the sample alone, whatever their settings."""

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
    """Whether no codec of a ``GenerateTarget`` draws random numbers, as ``DecoupledHeatmap`` does."""
    encoders = transform.encoder if isinstance(transform.encoder, list) else [transform.encoder]
    return all(_name(encoder) in _CODECS for encoder in encoders)


DETERMINISTIC_IF: Mapping[str, Callable[[Any], bool]] = {f'{_MMPOSE}.common_transforms:GenerateTarget': _draws_nothing}
"""Transforms that are deterministic under a condition on their settings."""

RANDOM_STEPS: Mapping[str, str] = {
    f'{_MMCV}.processing:RandomFlip': '_choose_direction',
    f'{_MMDET}.transforms:RandomFlip': '_choose_direction',
    f'{_MMSEG}.transforms:RandomFlip': '_choose_direction',
    f'{_MMPOSE}.common_transforms:RandomFlip': '_choose_direction',
}
"""Transforms whose result depends on the sample and on the direction or None that this method draws."""


class RandomStep(NamedTuple):
    """A random transform with a few possible outcomes.

    Attributes:
        transform: The transform.
        method: Name of the method that draws.
    """

    transform: Any
    method: str

    @property
    def outcomes(self) -> int:
        """Number of possible outcomes."""
        direction = self.transform.direction
        return 2 if isinstance(direction, str) else len(direction) + 1

    def draw(self) -> Any:
        """Draws as the transform would."""
        return getattr(self.transform, self.method)()

    def apply(self, sample: Any, choice: Any) -> Any:
        """The result for a choice, without drawing."""
        with self._fixed(choice):
            return self.transform(sample)

    @contextmanager
    def _fixed(self, choice: Any) -> Iterator[None]:
        setattr(self.transform, self.method, lambda: choice)
        try:
            yield
        finally:
            delattr(self.transform, self.method)


class Steps(NamedTuple):
    """The parts of a pipeline, in order.

    Attributes:
        prefix: Deterministic transforms.
        random_step: The next transform, if it is random with known outcomes.
        after: Deterministic transforms after the random step.
        rest: Transforms that must be run every time.
    """

    prefix: tuple[Transform, ...]
    random_step: RandomStep | None
    after: tuple[Transform, ...]
    rest: tuple[Transform, ...]

    @property
    def known(self) -> list[Transform]:
        """All transforms before the rest."""
        return [*self.prefix, *([self.random_step.transform] if self.random_step else []), *self.after]

    @property
    def outcomes(self) -> int:
        """Number of possible results of a sample before the rest."""
        return self.random_step.outcomes if self.random_step else 1


def split(transforms: Sequence[Transform], past_random: bool = True) -> Steps:
    """Splits a pipeline before the first transform whose outcomes are not known.

    Args:
        transforms: The pipeline.
        past_random: Whether to include one random step and the deterministic ones after it.
    """
    prefix = _leading(transforms)
    rest = tuple(transforms[len(prefix) :])
    method = RANDOM_STEPS.get(_name(rest[0])) if past_random and rest else None
    if method is None:
        return Steps(prefix, None, (), rest)
    after = _leading(rest[1:])
    return Steps(prefix, RandomStep(rest[0], method), after, rest[1 + len(after) :])


def _leading(transforms: Sequence[Transform]) -> tuple[Transform, ...]:
    count = 0
    while count < len(transforms) and _is_deterministic(transforms[count]):
        count += 1
    return tuple(transforms[:count])


def _is_deterministic(transform: Transform) -> bool:
    name = _name(transform)
    return name in DETERMINISTIC or (name in DETERMINISTIC_IF and DETERMINISTIC_IF[name](transform))


def _name(transform: Any) -> str:
    """Module and class; a subclass of a known transform is not a known one."""
    return f'{type(transform).__module__}:{type(transform).__qualname__}'
