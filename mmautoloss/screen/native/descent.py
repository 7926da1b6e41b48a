"""Gradient descent of a loss on the predictions themselves, several steps per call."""

from __future__ import annotations

import numpy as np

from mmautoloss.screen.native.activations import activate, activate_backward
from mmautoloss.screen.native.compiler import compiled
from mmautoloss.screen.native.operators import backward, forward

MOVING, AT_REST, NOT_FINITE = range(3)
"""Result of a call: all steps were made, the gradient became zero, or a value is NaN or Inf."""

NORMALIZED, SGD, ADAM = range(3)
"""Codes of the optimizers, in the order of ``rejection.OPTIMIZERS``."""

_ZERO, _ONE = np.float32(0), np.float32(1)


@compiled
def gradient(
    code, first, root, live, logarithms, kind, raw, target, values, grads, raw_grad, seed, counts, geometry, valid,
    near,
):  # fmt: skip
    """Writes the gradient of the loss with respect to the raw predictions to ``raw_grad``.

    Args:
        code: Steps; those before ``first`` do not depend on the prediction and are already computed.
        first: First step that depends on the prediction.
        root: Row of the expression's value.
        live: Which rows depend on the prediction.
        logarithms: As in ``activations.activate``.
        kind: Code of the activation.
        raw: Raw predictions (R,).
        target: Boxes (R,), used only for areas.
        values: Rows (K, E); the last one is scratch.
        grads: Buffer for their gradients (K, E); the last row is scratch.
        raw_grad: Buffer for the result (R,).
        seed: Gradient of the loss with respect to the root (E,): weights over the normaliser, 0 for ignored elements.
        counts: As in ``operators.forward``.
        geometry: As in ``operators.forward``.
        valid: As in ``operators.forward``.
        near: As in ``operators.forward``.
    """
    activate(kind, raw, target, values, logarithms, geometry, valid)
    forward(code, first, len(code), values, counts, geometry, valid, near)
    for row in range(len(live)):
        if live[row]:
            grads[row][:] = _ZERO
    grads[root][:] = seed
    backward(code, first, len(code), values, grads, live, counts, geometry, valid, near, grads[-1])
    activate_backward(kind, raw, target, values, grads, raw_grad, logarithms, geometry, valid)


@compiled
def descend(
    code, first, root, live, logarithms, kind, start, unit, shift, raw, target, values, grads, raw_grad, seed, counts,
    geometry, valid, near, begin, end, steps, lr, decay, optimizer, moment, second_moment, elements,
):  # fmt: skip
    """Runs steps ``begin`` to ``end`` of the rejection test (``rejection.RejectionTest``); see ``gradient``.

    Args:
        start: Initial raw predictions (R,).
        unit: Natural units of the predictions (R,).
        shift: Total change so far, in these units (R,); updated.
        raw: Set to ``start + unit * shift``.
        begin: First step.
        end: Step after the last of this call.
        steps: Steps of the whole test.
        lr: Step size.
        decay: Whether the step size falls linearly to 0 over the whole test.
        optimizer: Code of the optimizer.
        moment: Momentum, or Adam's first moment (R,); updated.
        second_moment: Adam's second moment (R,); updated.
        elements: Number of predictions in the mean square, including ignored ones.

    Returns:
        ``MOVING``, ``AT_REST`` or ``NOT_FINITE``.
    """
    rms = _ONE
    for step in range(begin, end):
        _update_raw(raw, start, unit, shift)
        gradient(
            code, first, root, live, logarithms, kind, raw, target, values, grads, raw_grad, seed, counts, geometry,
            valid, near,
        )  # fmt: skip
        total = 0.0
        for i in range(shift.size):
            raw_grad[i] *= unit[i]
            total += raw_grad[i] * raw_grad[i]  # the product is a float32, as in the plain test: Inf beyond 1e19
        rms = np.float32(np.sqrt(total / elements))
        if not np.isfinite(rms):
            return NOT_FINITE
        if rms == _ZERO:
            break
        step_size = np.float32(lr * (1 - step / steps) if decay else lr)
        if optimizer == NORMALIZED:
            step_size /= rms
            for i in range(shift.size):
                shift[i] -= step_size * raw_grad[i]
        elif optimizer == SGD:
            for i in range(shift.size):
                moment[i] = np.float32(0.9) * moment[i] + raw_grad[i]
                shift[i] -= step_size * moment[i]
        else:
            _adam(shift, raw_grad, moment, second_moment, step_size, step)
    _update_raw(raw, start, unit, shift)
    for i in range(raw.size):
        if not np.isfinite(raw[i]):
            return NOT_FINITE
    return AT_REST if rms == _ZERO else MOVING


@compiled(inline='always')
def _update_raw(raw, start, unit, shift):
    for i in range(raw.size):
        raw[i] = start[i] + unit[i] * shift[i]


@compiled
def _adam(shift, grads, moment, second_moment, step_size, step):
    """A step of Adam (Kingma and Ba, 2015) with torch's default settings."""
    step_size /= np.float32(1 - 0.9 ** (step + 1))
    scale = np.float32(1 / np.sqrt(1 - 0.999 ** (step + 1)))
    for i in range(shift.size):
        moment[i] += np.float32(0.1) * (grads[i] - moment[i])
        second_moment[i] = np.float32(0.999) * second_moment[i] + np.float32(0.001) * grads[i] * grads[i]
        shift[i] -= step_size * moment[i] / (np.sqrt(second_moment[i]) * scale + np.float32(1e-8))
