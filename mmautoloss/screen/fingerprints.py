"""Gradient fingerprints: losses whose gradients agree in a few numbers on all samples count as the same loss."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mmautoloss.losses.elapsed import AT_END, training_at, varies
from mmautoloss.screen.probe import Objective, Probe, Sample

_ROUNDING = 1e-4


SHARES = (0.0, 0.5, 1.0)
"""Elapsed shares of the training at which a loss that reads it is judged; any other is judged once."""


def gradient_norms(objective: Objective, probe: Probe) -> tuple[float, ...]:
    """L2 norm of the gradient with respect to the raw predictions of each sample (AutoLoss-Zero, section 3.3).

    Of a loss that reads the elapsed share of the training, it is the root mean square over ``SHARES``.
    """
    norms = []
    for share in shares_of(varies(objective)):
        with training_at(share):
            norms.append(tuple(float(sample.gradient(objective).norm()) for sample in probe.samples))
    return mean_norms(norms)


def gradient_signature(objective: Objective, probe: Probe) -> tuple[float, ...]:
    """For every sample the norm of the gradient and its product with a fixed random direction.

    The published fingerprint has only the norms, which ignore the direction: ``abs(p - y)`` and ``abs(p + y)`` have equal
    norms everywhere. Of a loss whose gradient changes with the elapsed share of the training, these numbers at all
    ``SHARES`` follow each other.
    """
    signatures = []
    for share in shares_of(varies(objective)):
        signature: list[float] = []
        with training_at(share):
            for sample, direction in zip(probe.samples, directions(probe), strict=True):
                gradient = sample.gradient(objective)
                signature += [float(gradient.norm()), float((gradient * direction).sum())]
        signatures.append(tuple(signature))
    return joined_signature(signatures)


def shares_of(reads_elapsed: bool) -> tuple[float, ...]:
    """The elapsed shares of the training at which a loss is judged."""
    return SHARES if reads_elapsed else (AT_END,)


def mean_norms(norms: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """The root mean square over elapsed shares of the norms of each sample."""
    return (
        norms[0] if len(norms) == 1 else tuple(math.hypot(*of) / math.sqrt(len(of)) for of in zip(*norms, strict=True))
    )


def joined_signature(signatures: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """One signature of those at several elapsed shares: if they are the same, that of a loss that does not read it."""
    first, *others = signatures
    if all(_agree(first, other) for other in others):
        return first
    return tuple(value for signature in signatures for value in signature)


def _agree(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    """Whether two signatures agree up to the rounding of float32, relative to the norms at the even places."""
    norms = [norm for norm in first[::2] for _ in range(2)]
    return all(abs(x - z) <= _ROUNDING * norm for x, z, norm in zip(first, second, norms, strict=True))


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
        _is_finite(objective, sample, share) for share in shares_of(varies(objective)) for sample in probe.samples
    )


def _is_finite(objective: Objective, sample: Sample, share: float) -> bool:
    with training_at(share):
        return bool(sample.loss(objective).isfinite()) and bool(sample.gradient(objective).isfinite().all())


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
