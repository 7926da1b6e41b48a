"""Gradient fingerprints: losses whose gradients agree in a few numbers on all samples count as the same loss."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mmautoloss.screen.probe import Objective, Probe


def gradient_norms(objective: Objective, probe: Probe) -> tuple[float, ...]:
    """L2 norm of the gradient with respect to the raw predictions of each sample (AutoLoss-Zero, section 3.3)."""
    return tuple(float(sample.gradient(objective).norm()) for sample in probe.samples)


def gradient_signature(objective: Objective, probe: Probe) -> tuple[float, ...]:
    """For every sample the norm of the gradient and its product with a fixed random direction.

    The published fingerprint has only the norms, which ignore the direction: ``abs(p - y)`` and ``abs(p + y)`` have equal
    norms everywhere.
    """
    signature: list[float] = []
    for sample, direction in zip(probe.samples, directions(probe), strict=True):
        gradient = sample.gradient(objective)
        signature += [float(gradient.norm()), float((gradient * direction).sum())]
    return tuple(signature)


def compared(probe: Probe) -> Probe:
    """The calls on which losses are compared: all samples at scattered predictions.

    Where invisible keypoints are ignored, different images count in each channel. Means over channels and over positions
    then differ only in calls of several images, so all samples joined are added as another call.
    """
    scattered = probe.scattered()
    joined = scattered.joined()
    valid = joined.rows(probe.kind).valid
    channels_differ = valid is not None and valid.shape[1] > 1
    return replace(scattered, samples=(*scattered.samples, joined)) if channels_differ else scattered


def stays_finite(objective: Objective, probe: Probe) -> bool:
    """Whether value and gradient are finite on every sample, as a training requires."""
    return all(
        bool(sample.loss(objective).isfinite()) and bool(sample.gradient(objective).isfinite().all())
        for sample in probe.samples
    )


def directions(probe: Probe) -> Iterator[Tensor]:
    """A fixed random direction for each sample, in the shape of its predictions."""
    generator = torch.Generator().manual_seed(0)
    for sample in probe.samples:
        yield torch.randn(sample.pred.shape, generator=generator)


def total_norm(norms: Sequence[float]) -> float:
    """L2 norm over all samples."""
    return float(torch.tensor(norms, dtype=torch.float64).norm())


def balance_weight(norms: Sequence[float], reference: Sequence[float]) -> float:
    """Factor that scales a gradient to the norm of the reference, over all samples.

    The scale of a loss acts as a learning rate: without the factor, a search would find scales rather than losses.
    """
    return total_norm(reference) / total_norm(norms)


def fingerprint(signature: Sequence[float], digits: int = 2) -> str:
    """A signature rounded to significant digits, as text; the published number of digits is 2.

    With 0 digits the fingerprint is empty, and every loss counts as new. It is also empty where a number is not finite,
    since different losses could share NaN.

    Example:
        >>> fingerprint((0.12345, 67.8))
        '1.2e-01 6.8e+01'
    """
    if not digits or not all(map(math.isfinite, signature)):
        return ''
    return ' '.join(f'{norm:.{digits - 1}e}' for norm in signature)
