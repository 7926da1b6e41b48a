"""Gradient fingerprints: two losses whose gradients agree in a few numbers on all samples are taken for one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mmautoloss.screen.probe import Objective, Probe


def gradient_norms(objective: Objective, probe: Probe) -> tuple[float, ...]:
    """L2 norm of the gradient with respect to the raw predictions, one a sample (AutoLoss-Zero, section 3.3)."""
    return tuple(float(sample.gradient(objective).norm()) for sample in probe.samples)


def gradient_signature(objective: Objective, probe: Probe) -> tuple[float, ...]:
    """For every sample the norm of the gradient and its product with a fixed random direction.

    The published fingerprint has the norms alone. They do not know where a gradient points: ``abs(p - y)`` and
    ``abs(p + y)`` have the same everywhere.
    """
    signature: list[float] = []
    for sample, direction in zip(probe.samples, directions(probe), strict=True):
        gradient = sample.gradient(objective)
        signature += [float(gradient.norm()), float((gradient * direction).sum())]
    return tuple(signature)


def compared(probe: Probe) -> Probe:
    """The calls on which losses are compared: all samples at scattered predictions.

    Where a keypoint that is not seen does not count, other images count in each channel. Only calls of several images show
    what means over channels and over positions make of that, so there all samples are one more call.
    """
    scattered = probe.scattered()
    joined = scattered.joined()
    valid = joined.rows(probe.kind).valid
    apart = valid is not None and valid.shape[1] > 1
    return replace(scattered, samples=(*scattered.samples, joined)) if apart else scattered


def stays_finite(objective: Objective, probe: Probe) -> bool:
    """Whether value and gradient are finite on every sample, as a training wants them."""
    return all(
        bool(sample.loss(objective).isfinite()) and bool(sample.gradient(objective).isfinite().all())
        for sample in probe.samples
    )


def directions(probe: Probe) -> Iterator[Tensor]:
    """The fixed random direction of each sample, of the prediction's shape; always the same ones."""
    generator = torch.Generator().manual_seed(0)
    for sample in probe.samples:
        yield torch.randn(sample.pred.shape, generator=generator)


def total_norm(norms: Sequence[float]) -> float:
    """L2 norm over all samples."""
    return float(torch.tensor(norms, dtype=torch.float64).norm())


def balance_weight(norms: Sequence[float], reference: Sequence[float]) -> float:
    """Factor that makes a gradient as long as the reference, over all samples.

    Loss scale acts as learning rate: without it a search finds scales rather than losses.
    """
    return total_norm(reference) / total_norm(norms)


def fingerprint(signature: Sequence[float], digits: int = 2) -> str:
    """The numbers of a signature with some significant digits, as text; the published number of digits is 2.

    With 0 digits there is no fingerprint, and every loss is taken for a new one. Nor is there one where a number is not
    finite: NaN says nothing of a loss that others could share.

    Example:
        >>> fingerprint((0.12345, 67.8))
        '1.2e-01 6.8e+01'
    """
    if not digits or not all(map(math.isfinite, signature)):
        return ''
    return ' '.join(f'{norm:.{digits - 1}e}' for norm in signature)
