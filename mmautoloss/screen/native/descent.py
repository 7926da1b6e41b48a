"""Descending a loss on the predictions themselves, a whole run of steps at once."""

from __future__ import annotations

import numpy as np

from mmautoloss.screen.native.activations import activate, deactivate
from mmautoloss.screen.native.compiler import compiled
from mmautoloss.screen.native.operators import backward, forward

MOVING, AT_REST, NOT_FINITE = range(3)
"""How a run of steps ends: all were made, the gradient became zero, or something is NaN or Inf."""

NORMALIZED, SGD, ADAM = range(3)
"""Numbers of the optimisers, in the order of ``rejection.OPTIMIZERS``."""

_ZERO, _ONE = np.float32(0), np.float32(1)


@compiled
def gradient(
    code, first, root, live, logarithms, kind, raw, target, values, slopes, raw_slopes, seed, counts, geometry, valid,
    near,
):  # fmt: skip
    """Gradient of the loss with respect to the raw predictions, into ``raw_slopes``.

    Args:
        code: Steps; those before ``first`` do not depend on the prediction and have been computed.
        first: First step that does.
        root: Row of the expression's value.
        live: Which rows depend on the prediction.
        logarithms: As in ``activations.activate``.
        kind: Number of the activation.
        raw: Raw predictions (R,).
        target: Boxes (R,), where areas are read.
        values: Rows (K, E); the last one is scratch.
        slopes: Room for their gradients (K, E); the last one is scratch.
        raw_slopes: Room for the result (R,).
        seed: Gradient of the loss with respect to the root (E,): weights over the normaliser, 0 where nothing counts.
        counts: As in ``operators.forward``.
        geometry: As in ``operators.forward``.
        valid: As in ``operators.forward``.
        near: As in ``operators.forward``.
    """
    activate(kind, raw, target, values, logarithms, geometry, valid)
    forward(code, first, len(code), values, counts, geometry, valid, near)
    for row in range(len(live)):
        if live[row]:
            slopes[row][:] = _ZERO
    slopes[root][:] = seed
    backward(code, first, len(code), values, slopes, live, counts, geometry, valid, near, slopes[-1])
    deactivate(kind, raw, target, values, slopes, raw_slopes, logarithms, geometry, valid)


@compiled
def descend(
    code, first, root, live, logarithms, kind, start, unit, moved, raw, target, values, slopes, raw_slopes, seed, counts,
    geometry, valid, near, begin, end, steps, rate, decay, optimizer, speed, spread, elements,
):  # fmt: skip
    """Makes the steps ``begin`` to ``end`` of the rejection test (``rejection.RejectionTest``); see ``gradient``.

    Args:
        start: Raw predictions at the beginning (R,).
        unit: Natural units of the predictions (R,).
        moved: What has been added so far, in these units (R,); changed.
        raw: Left at ``start + unit * moved``.
        begin: First step.
        end: Step after the last of this run.
        steps: Steps of the whole test.
        rate: Step size.
        decay: Whether the step size falls linearly to 0 over the whole test.
        optimizer: One of the numbers above.
        speed: Momentum, or Adam's first moment (R,); changed.
        spread: Adam's second moment (R,); changed.
        elements: Number of predictions over which the mean square is taken, those among them that never count.

    Returns:
        How it ended.
    """
    size = _ONE
    for step in range(begin, end):
        _place(raw, start, unit, moved)
        gradient(
            code, first, root, live, logarithms, kind, raw, target, values, slopes, raw_slopes, seed, counts, geometry,
            valid, near,
        )  # fmt: skip
        total = 0.0
        for i in range(moved.size):
            raw_slopes[i] *= unit[i]
            total += raw_slopes[i] * raw_slopes[i]  # as float32, like the plain test: beyond 1e19 it is Inf
        size = np.float32(np.sqrt(total / elements))
        if not np.isfinite(size):
            return NOT_FINITE
        if size == _ZERO:
            break
        pace = np.float32(rate * (1 - step / steps) if decay else rate)
        if optimizer == NORMALIZED:
            pace /= size
            for i in range(moved.size):
                moved[i] -= pace * raw_slopes[i]
        elif optimizer == SGD:
            for i in range(moved.size):
                speed[i] = np.float32(0.9) * speed[i] + raw_slopes[i]
                moved[i] -= pace * speed[i]
        else:
            _adam(moved, raw_slopes, speed, spread, pace, step)
    _place(raw, start, unit, moved)
    for i in range(raw.size):
        if not np.isfinite(raw[i]):
            return NOT_FINITE
    return AT_REST if size == _ZERO else MOVING


@compiled(inline='always')
def _place(raw, start, unit, moved):
    for i in range(raw.size):
        raw[i] = start[i] + unit[i] * moved[i]


@compiled
def _adam(moved, slopes, speed, spread, pace, step):
    """A step of Adam (Kingma and Ba, 2015) with torch's default settings."""
    pace /= np.float32(1 - 0.9 ** (step + 1))
    scale = np.float32(1 / np.sqrt(1 - 0.999 ** (step + 1)))
    for i in range(moved.size):
        speed[i] += np.float32(0.1) * (slopes[i] - speed[i])
        spread[i] = np.float32(0.999) * spread[i] + np.float32(0.001) * slopes[i] * slopes[i]
        moved[i] -= pace * speed[i] / (np.sqrt(spread[i]) * scale + np.float32(1e-8))
