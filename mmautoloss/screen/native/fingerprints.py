"""Norms and signatures of gradients in compiled code, equal to those of ``screen.fingerprints`` up to rounding."""

from __future__ import annotations

import numpy as np
import torch

from mmautoloss.screen.fingerprints import directions
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
        return tuple(_norm(gradient) for gradient in self._gradients(program))

    def signature(self, program: Lowered) -> tuple[float, ...]:
        """As ``fingerprints.gradient_signature``."""
        signature: list[float] = []
        for gradient, direction in zip(self._gradients(program), self._directions, strict=True):
            signature += [_norm(gradient), float(np.dot(gradient, direction))]
        return tuple(signature)

    def _gradients(self, program: Lowered):
        for arrays in self._arrays:
            arrays.load(program)
            yield arrays.gradient()


def _norm(gradient: np.ndarray) -> float:
    with np.errstate(over='ignore', invalid='ignore'):
        return float(torch.from_numpy(gradient).norm())
