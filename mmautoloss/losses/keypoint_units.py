"""Coordinates of keypoints in units of the size of their person, as the object keypoint similarity of COCO has them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.losses.inputs import InputKind


def in_units(points: Tensor, areas: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Points (N, K, D) as multiples of 2 sigma times the root of the area, so that d ** 2 / 2 is the exponent of OKS.

    Args:
        points: Coordinates in pixels.
        areas: Areas (N,) of the persons in square pixels.
        sigmas: The constant of each of the K keypoints.

    Raises:
        SetupError: There are not as many constants as keypoints.
    """
    if points.dim() != 3 or points.shape[1] != len(sigmas):
        raise SetupError(
            f'sigmas needs one number for each keypoint of points (N, K, D), but got {tuple(points.shape)}.'
        )
    constants = points.new_tensor(sigmas)[:, None]
    return points / (2 * constants * areas.sqrt().clamp(min=1e-8)[:, None, None])


def require_sigmas(sigmas: Sequence[float] | None, kind: InputKind) -> None:
    """Checks the constants of keypoints.

    Raises:
        SetupError: They are no positive numbers, or the kind of input has no keypoints.
    """
    if sigmas is None:
        return
    if kind.name != 'keypoint':
        raise SetupError(f'sigmas needs inputs="keypoint", but got inputs={kind.name!r}; leave it out.')
    if not sigmas or not all(isinstance(sigma, Real) and 0 < sigma < math.inf for sigma in sigmas):
        raise SetupError(f'sigmas must be positive numbers, one a keypoint, but got {sigmas!r}.')
