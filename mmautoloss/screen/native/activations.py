"""From raw predictions to what an expression reads, and gradients back."""

from __future__ import annotations

import numpy as np

from mmautoloss.losses.inputs.boxes import AREA_EPS
from mmautoloss.screen.native.arithmetic import exp32
from mmautoloss.screen.native.compiler import compiled
from mmautoloss.screen.native.logarithms import (
    of_rest,
    of_rest_back,
    of_sigmoid,
    of_sigmoid_back,
    of_softmax,
    of_softmax_back,
)

IDENTITY, SIGMOID, SOFTMAX, AREA = range(4)
ACTIVATIONS = {'identity': IDENTITY, 'sigmoid': SIGMOID, 'softmax': SOFTMAX, 'area': AREA}
"""Number of each activation that a kind of input can name (``InputKind.activation``)."""

_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_LEAST = np.float32(AREA_EPS)


@compiled
def activate(kind, raw, target, values, logarithms, geometry, valid):
    """Writes the rows that depend on the prediction: row 0 is ``p``; of areas rows 0 to 2 are ``i``, ``u``, ``e``.

    Args:
        kind: One of ``ACTIVATIONS``.
        raw: Raw predictions, (C * P,); of boxes (4 * P,), a coordinate after the other.
        target: Boxes (4 * P,); not used by the others.
        values: Rows (K, E).
        logarithms: The rows of ``log(p)`` and ``log(1 - p)``; -1 where they are not read.
        geometry: As in ``operators.forward``.
        valid: Which elements count, as in ``operators.forward``; the others become 0.
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
        of_sigmoid(raw, out, _ONE if which == 0 else -_ONE)
    elif which == 0:
        of_softmax(raw, p, out, scratch, geometry)
    else:
        of_rest(raw, p, out, scratch, geometry)


@compiled
def _mask(row, valid):
    if valid.size:
        for i in range(row.size):
            row[i] = row[i] if valid[i] > _ZERO else _ZERO


@compiled
def deactivate(kind, raw, target, values, slopes, raw_slopes, logarithms, geometry, valid):
    """Gradient with respect to the raw predictions, from that with respect to the rows; arguments as above."""
    p, g = values[0], slopes[0]
    _mask(g, valid)
    if kind == IDENTITY:
        for i in range(p.size):
            raw_slopes[i] = g[i]
    elif kind == SIGMOID:
        for i in range(p.size):
            raw_slopes[i] = g[i] * p[i] * (_ONE - p[i])
    elif kind == SOFTMAX:
        _softmax_back(p, g, raw_slopes, values[-1], geometry)
    else:
        _areas_back(raw, target, slopes, raw_slopes)
    for k in range(2):
        if logarithms[k] >= 0:
            _mask(slopes[logarithms[k]], valid)
            _logarithm_back(kind, k, raw, p, slopes[logarithms[k]], raw_slopes, values[-1], slopes[-1], geometry)


@compiled
def _logarithm_back(kind, which, raw, p, g, raw_slopes, scratch, more, geometry):
    if kind == SIGMOID:
        of_sigmoid_back(raw, p, g, raw_slopes, _ONE if which == 0 else -_ONE)
    elif which == 0:
        of_softmax_back(p, g, raw_slopes, scratch, geometry)
    else:
        of_rest_back(raw, p, g, raw_slopes, scratch, more, geometry)


@compiled
def _softmax(raw, p, scratch, geometry):
    channels, positions = geometry[0], geometry[1]
    top, total = scratch[:positions], p[:positions]
    top[:] = raw[:positions]
    for c in range(1, channels):
        begin = c * positions
        for i in range(positions):
            top[i] = max(top[i], raw[begin + i])
    for c in range(channels - 1, -1, -1):  # the row of channel 0 is read before it is written
        begin = c * positions
        for i in range(positions):
            p[begin + i] = exp32(raw[begin + i] - top[i])
    top[:] = total
    for c in range(1, channels):
        begin = c * positions
        for i in range(positions):
            top[i] += p[begin + i]
    for i in range(positions):
        top[i] = _ONE / top[i]
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            p[begin + i] *= top[i]


@compiled
def _softmax_back(p, g, raw_slopes, scratch, geometry):
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
            raw_slopes[begin + i] = p[begin + i] * (g[begin + i] - mean[i])


@compiled
def areas_of(raw, target, values):
    """Rows 0 to 2 become intersection, union and enclosing box, over the area of the target."""
    count = values.shape[1]
    for k in range(count):
        x1, y1, x2, y2 = raw[k], raw[count + k], raw[2 * count + k], raw[3 * count + k]
        a1, b1, a2, b2 = target[k], target[count + k], target[2 * count + k], target[3 * count + k]
        wanted = (a2 - a1) * (b2 - b1)
        scale = _ONE / max(wanted, _LEAST)
        common = max(min(x2, a2) - max(x1, a1), _ZERO) * max(min(y2, b2) - max(y1, b1), _ZERO)
        joint = (x2 - x1) * (y2 - y1) + wanted - common
        around = max(max(x2, a2) - min(x1, a1), _ZERO) * max(max(y2, b2) - min(y1, b1), _ZERO)
        values[0, k] = common * scale
        values[1, k] = max(joint, _LEAST) * scale
        values[2, k] = max(around, _LEAST) * scale


@compiled
def _areas_back(raw, target, slopes, raw_slopes):
    count = slopes.shape[1]
    for k in range(count):
        x1, y1, x2, y2 = raw[k], raw[count + k], raw[2 * count + k], raw[3 * count + k]
        a1, b1, a2, b2 = target[k], target[count + k], target[2 * count + k], target[3 * count + k]
        wanted = (a2 - a1) * (b2 - b1)
        scale = _ONE / max(wanted, _LEAST)
        cw, ch = min(x2, a2) - max(x1, a1), min(y2, b2) - max(y1, b1)
        ew, eh = max(x2, a2) - min(x1, a1), max(y2, b2) - min(y1, b1)
        common = max(cw, _ZERO) * max(ch, _ZERO)
        joint = (x2 - x1) * (y2 - y1) + wanted - common
        by_joint = slopes[1, k] * scale if joint >= _LEAST else _ZERO
        by_common = slopes[0, k] * scale - by_joint
        by_around = slopes[2, k] * scale if max(ew, _ZERO) * max(eh, _ZERO) >= _LEAST else _ZERO
        by_cw = by_common * max(ch, _ZERO) if cw >= _ZERO else _ZERO
        by_ch = by_common * max(cw, _ZERO) if ch >= _ZERO else _ZERO
        by_ew = by_around * max(eh, _ZERO) if ew >= _ZERO else _ZERO
        by_eh = by_around * max(ew, _ZERO) if eh >= _ZERO else _ZERO
        by_width, by_height = by_joint * (y2 - y1), by_joint * (x2 - x1)
        raw_slopes[k] = -by_width - _follows(x1, a1, by_cw, by_ew)
        raw_slopes[count + k] = -by_height - _follows(y1, b1, by_ch, by_eh)
        raw_slopes[2 * count + k] = by_width + _follows(x2, a2, by_ew, by_cw)
        raw_slopes[3 * count + k] = by_height + _follows(y2, b2, by_eh, by_ch)


@compiled(inline='always')
def _follows(corner, other, larger, smaller):
    """What a corner gives the larger and the smaller of two: all to one, half to each where they are one."""
    if corner > other:
        return larger
    if corner < other:
        return smaller
    return _HALF * larger + _HALF * smaller
