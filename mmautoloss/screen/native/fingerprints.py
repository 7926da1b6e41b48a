"""Norms and signatures of gradients in compiled code, equal to those of ``screen.fingerprints`` up to rounding."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from mmautoloss.screen.fingerprints import directions, joined_signature, mean_norms, shares_of
from mmautoloss.screen.native.lowering import Lowered
from mmautoloss.screen.native.sample_arrays import SampleArrays, direction_on, divisor_of
from mmautoloss.screen.probe import Probe


class SampleGradients:
    """The gradient of an expression on each sample of a probe.

    Args:
        probe: The samples.
    """

    def __init__(self, probe: Probe) -> None:
        kind = probe.kind
        self._arrays = [SampleArrays(kind, sample, divisor_of(sample, kind)) for sample in probe.samples]
        self._directions = [
            direction_on(kind, sample, direction)
            for sample, direction in zip(probe.samples, directions(probe), strict=True)
        ]

    def norms(self, program: Lowered) -> tuple[float, ...]:
        """As ``fingerprints.gradient_norms``."""
        return mean_norms(
            [
                tuple(_norm(gradient) for gradient in self._gradients(program, share))
                for share in shares_of(program.reads_elapsed)
            ]
        )

    def signature(self, program: Lowered) -> tuple[float, ...]:
        """As ``fingerprints.gradient_signature``."""
        return joined_signature([self._signature(program, share) for share in shares_of(program.reads_elapsed)])

    def _signature(self, program: Lowered, share: float) -> tuple[float, ...]:
        signature: list[float] = []
        for gradient, direction in zip(self._gradients(program, share), self._directions, strict=True):
            signature += [_norm(gradient), float(np.dot(gradient, direction))]
        return tuple(signature)

    def _gradients(self, program: Lowered, share: float) -> Iterator[np.ndarray]:
        for arrays in self._arrays:
            arrays.load(program, share)
            yield arrays.gradient()


def _norm(gradient: np.ndarray) -> float:
    with np.errstate(over='ignore', invalid='ignore'):
        return float(torch.from_numpy(gradient).norm())
