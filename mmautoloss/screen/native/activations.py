"""Activations from raw predictions to the inputs of an expression, and their backward passes."""

from __future__ import annotations

import numpy as np

from mmautoloss.losses.inputs.boxes import AREA_EPS
from mmautoloss.screen.native.arithmetic import exp32
from mmautoloss.screen.native.compiler import compiled
from mmautoloss.screen.native.logarithms import (
    log_complement,
    log_complement_backward,
    log_sigmoid,
    log_sigmoid_backward,
    log_softmax,
    log_softmax_backward,
)

IDENTITY, SIGMOID, SOFTMAX, AREA = range(4)
ACTIVATIONS = {'identity': IDENTITY, 'sigmoid': SIGMOID, 'softmax': SOFTMAX, 'area': AREA}
"""Number of each activation that a kind of input can name (``InputKind.activation``)."""

_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_MIN_AREA = np.float32(AREA_EPS)


@compiled
def activate(kind, raw, target, values, logarithms, geometry, valid):
    """Writes the rows that depend on the prediction: row 0 is ``p``; for areas, rows 0 to 2 are ``i``, ``u``, ``e``.

    Args:
        kind: One of ``ACTIVATIONS``.
        raw: Raw predictions (C * P,); boxes (4 * P,), grouped by coordinate.
        target: Boxes (4 * P,); used only for areas.
        values: Rows (K, E).
        logarithms: The rows of ``log(p)`` and ``log(1 - p)``; -1 where they are not read.
        geometry: As in ``operators.forward``.
        valid: Which elements count, as in ``operators.forward``; the others are set to 0.
    """
    p = values[0]
    if kind == IDENTITY:
        for i in range(p.size):
            p[i] = raw[i]
    elif kind == SIGMOID:
        for i in range(p.size):
            p[i] = _ONE / (_ONE + exp32(-raw[i]))
    elif kind == SOFTMAX:
        _softmax(raw, p, values[-1], geometry)
    else:
        areas_of(raw, target, values)
    for k in range(2):
        if logarithms[k] >= 0:
            _logarithm(kind, k, raw, p, values[logarithms[k]], values[-1], geometry)
            _mask(values[logarithms[k]], valid)
    _mask(p, valid)


@compiled
def _logarithm(kind, which, raw, p, out, scratch, geometry):
    if kind == SIGMOID:
        log_sigmoid(raw, out, _ONE if which == 0 else -_ONE)
    elif which == 0:
        log_softmax(raw, p, out, scratch, geometry)
    else:
        log_complement(raw, p, out, scratch, geometry)


@compiled
def _mask(row, valid):
    if valid.size:
        for i in range(row.size):
            row[i] = row[i] if valid[i] > _ZERO else _ZERO


@compiled
def activate_backward(kind, raw, target, values, grads, raw_grad, logarithms, geometry, valid):
    """Writes the gradient with respect to the raw predictions from that of the rows; arguments as in ``activate``."""
    p, g = values[0], grads[0]
    _mask(g, valid)
    if kind == IDENTITY:
        for i in range(p.size):
            raw_grad[i] = g[i]
    elif kind == SIGMOID:
        for i in range(p.size):
            raw_grad[i] = g[i] * p[i] * (_ONE - p[i])
    elif kind == SOFTMAX:
        _softmax_backward(p, g, raw_grad, values[-1], geometry)
    else:
        _areas_backward(raw, target, grads, raw_grad)
    for k in range(2):
        if logarithms[k] >= 0:
            _mask(grads[logarithms[k]], valid)
            _logarithm_backward(kind, k, raw, p, grads[logarithms[k]], raw_grad, values[-1], grads[-1], geometry)


@compiled
def _logarithm_backward(kind, which, raw, p, g, raw_grad, scratch, scratch2, geometry):
    if kind == SIGMOID:
        log_sigmoid_backward(raw, p, g, raw_grad, _ONE if which == 0 else -_ONE)
    elif which == 0:
        log_softmax_backward(p, g, raw_grad, scratch, geometry)
    else:
        log_complement_backward(raw, p, g, raw_grad, scratch, scratch2, geometry)


@compiled
def _softmax(raw, p, scratch, geometry):
    channels, positions = geometry[0], geometry[1]
    buffer, total = scratch[:positions], p[:positions]  # buffer: maximum, sum and its reciprocal in turn
    buffer[:] = raw[:positions]
    for c in range(1, channels):
        begin = c * positions
        for i in range(positions):
            buffer[i] = max(buffer[i], raw[begin + i])
    for c in range(channels - 1, -1, -1):  # the row of channel 0 is read before it is written
        begin = c * positions
        for i in range(positions):
            p[begin + i] = exp32(raw[begin + i] - buffer[i])
    buffer[:] = total
    for c in range(1, channels):
        begin = c * positions
        for i in range(positions):
            buffer[i] += p[begin + i]
    for i in range(positions):
        buffer[i] = _ONE / buffer[i]
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            p[begin + i] *= buffer[i]


@compiled
def _softmax_backward(p, g, raw_grad, scratch, geometry):
    channels, positions = geometry[0], geometry[1]
    mean = scratch[:positions]
    mean[:] = _ZERO
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            mean[i] += p[begin + i] * g[begin + i]
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            raw_grad[begin + i] = p[begin + i] * (g[begin + i] - mean[i])


@compiled
def areas_of(raw, target, values):
    """Writes the areas of intersection, union and enclosing box, divided by the target's area, to rows 0 to 2."""
    count = values.shape[1]
    for k in range(count):
        x1, y1, x2, y2 = raw[k], raw[count + k], raw[2 * count + k], raw[3 * count + k]
        a1, b1, a2, b2 = target[k], target[count + k], target[2 * count + k], target[3 * count + k]
        target_area = (a2 - a1) * (b2 - b1)
        scale = _ONE / max(target_area, _MIN_AREA)
        intersection = max(min(x2, a2) - max(x1, a1), _ZERO) * max(min(y2, b2) - max(y1, b1), _ZERO)
        union = (x2 - x1) * (y2 - y1) + target_area - intersection
        enclosing = max(max(x2, a2) - min(x1, a1), _ZERO) * max(max(y2, b2) - min(y1, b1), _ZERO)
        values[0, k] = intersection * scale
        values[1, k] = max(union, _MIN_AREA) * scale
        values[2, k] = max(enclosing, _MIN_AREA) * scale


@compiled
def _areas_backward(raw, target, grads, raw_grad):
    count = grads.shape[1]
    for k in range(count):
        x1, y1, x2, y2 = raw[k], raw[count + k], raw[2 * count + k], raw[3 * count + k]
        a1, b1, a2, b2 = target[k], target[count + k], target[2 * count + k], target[3 * count + k]
        target_area = (a2 - a1) * (b2 - b1)
        scale = _ONE / max(target_area, _MIN_AREA)
        iw, ih = min(x2, a2) - max(x1, a1), min(y2, b2) - max(y1, b1)
        ew, eh = max(x2, a2) - min(x1, a1), max(y2, b2) - min(y1, b1)
        intersection = max(iw, _ZERO) * max(ih, _ZERO)
        union = (x2 - x1) * (y2 - y1) + target_area - intersection
        grad_union = grads[1, k] * scale if union >= _MIN_AREA else _ZERO
        grad_intersection = grads[0, k] * scale - grad_union
        grad_enclosing = grads[2, k] * scale if max(ew, _ZERO) * max(eh, _ZERO) >= _MIN_AREA else _ZERO
        grad_iw = grad_intersection * max(ih, _ZERO) if iw >= _ZERO else _ZERO
        grad_ih = grad_intersection * max(iw, _ZERO) if ih >= _ZERO else _ZERO
        grad_ew = grad_enclosing * max(eh, _ZERO) if ew >= _ZERO else _ZERO
        grad_eh = grad_enclosing * max(ew, _ZERO) if eh >= _ZERO else _ZERO
        grad_width, grad_height = grad_union * (y2 - y1), grad_union * (x2 - x1)
        raw_grad[k] = -grad_width - _corner_gradient(x1, a1, grad_iw, grad_ew)
        raw_grad[count + k] = -grad_height - _corner_gradient(y1, b1, grad_ih, grad_eh)
        raw_grad[2 * count + k] = grad_width + _corner_gradient(x2, a2, grad_ew, grad_iw)
        raw_grad[3 * count + k] = grad_height + _corner_gradient(y2, b2, grad_eh, grad_ih)


@compiled(inline='always')
def _corner_gradient(corner, other, larger, smaller):
    """Gradient of a corner through the maximum and the minimum of two corners; half of each for equal corners."""
    if corner > other:
        return larger
    if corner < other:
        return smaller
    return _HALF * larger + _HALF * smaller
