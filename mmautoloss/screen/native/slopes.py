"""Norms and signatures of gradients in compiled code; the same numbers as in ``screen.fingerprint``, up to rounding."""

from __future__ import annotations

import numpy as np
import torch

from mmautoloss.screen.fingerprint import directions
from mmautoloss.screen.native.field import Field, direction_on, divisor_of
from mmautoloss.screen.native.lowering import Lowered
from mmautoloss.screen.probe import Probe


class Slopes:
    """The gradient of an expression on each sample of a probe.

    Args:
        probe: The samples.
    """

    def __init__(self, probe: Probe) -> None:
        kind = probe.kind
        self._fields = [Field(kind, sample, divisor_of(sample, kind)) for sample in probe.samples]
        self._directions = [
            direction_on(kind, sample, direction)
            for sample, direction in zip(probe.samples, directions(probe), strict=True)
        ]

    def norms(self, program: Lowered) -> tuple[float, ...]:
        """As ``fingerprint.gradient_norms``."""
        return tuple(_norm(gradient) for gradient in self._gradients(program))

    def signature(self, program: Lowered) -> tuple[float, ...]:
        """As ``fingerprint.gradient_signature``."""
        signature: list[float] = []
        for gradient, direction in zip(self._gradients(program), self._directions, strict=True):
            signature += [_norm(gradient), float(np.dot(gradient, direction))]
        return tuple(signature)

    def _gradients(self, program: Lowered):
        for field in self._fields:
            field.load(program)
            yield field.gradient()


def _norm(gradient: np.ndarray) -> float:
    with np.errstate(over='ignore', invalid='ignore'):
        return float(torch.from_numpy(gradient).norm())
