"""Logarithms of ``p`` and ``1 - p`` from raw predictions, and gradients back; as ``losses.inputs.logarithms`` has them."""

from __future__ import annotations

import numpy as np

from mmautoloss.expr.logarithms import LEAST
from mmautoloss.screen.native.arithmetic import exp32, log1p32, log32
from mmautoloss.screen.native.compiler import compiled

_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_LEAST = np.float32(LEAST)


@compiled
def of_sigmoid(raw, out, sign):
    """Writes ``log(p)`` (sign 1) or ``log(1 - p)`` (sign -1)."""
    for i in range(out.size):
        x = sign * raw[i]
        out[i] = max(x if x < _ZERO else _ZERO, _LEAST) - log1p32(exp32(-abs(x)))


@compiled
def of_sigmoid_back(raw, p, g, raw_slopes, sign):
    """Adds the gradient by that row."""
    if sign < _ZERO:
        for i in range(g.size):
            raw_slopes[i] -= g[i] * p[i]
    else:
        for i in range(g.size):
            raw_slopes[i] += g[i] / (_ONE + exp32(raw[i]))


@compiled
def of_softmax(raw, p, out, scratch, geometry):
    """Writes ``log(p)``."""
    channels, positions = geometry[0], geometry[1]
    if channels == 1:
        out[:] = _ZERO
        return
    top, largest = scratch[:positions], scratch[positions : 2 * positions]
    top[:], largest[:] = raw[:positions], p[:positions]
    for c in range(1, channels):
        begin = c * positions
        for i in range(positions):
            top[i] = max(top[i], raw[begin + i])
            largest[i] = max(largest[i], p[begin + i])
    for i in range(positions):
        largest[i] = log32(largest[i])
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            out[begin + i] = max(raw[begin + i] - top[i] + largest[i], _LEAST)


@compiled
def of_softmax_back(p, g, raw_slopes, scratch, geometry):
    """Adds the gradient by ``log(p)``."""
    channels, positions = geometry[0], geometry[1]
    total = scratch[:positions]
    total[:] = _ZERO
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            total[i] += g[begin + i]
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            raw_slopes[begin + i] += g[begin + i] - p[begin + i] * total[i]


@compiled
def of_rest(raw, p, out, scratch, geometry):
    """Writes ``log(1 - p)`` of a softmax; of one class 0, since log(0) is 0."""
    channels, positions = geometry[0], geometry[1]
    if channels == 1:
        out[:] = _ZERO
        return
    second, total = scratch[:positions], scratch[positions : 2 * positions]
    _others(raw, p, second, total, channels, positions)
    for i in range(positions):
        total[i] = log32(total[i])
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            x = p[begin + i]
            large = second[i] - raw[begin + i] + total[i] + log32(x)
            out[begin + i] = max(large, _LEAST) if x > _HALF else log1p32(-x)


@compiled
def of_rest_back(raw, p, g, raw_slopes, scratch, more, geometry):
    """Adds the gradient by ``log(1 - p)`` of a softmax; ``more`` is another row of scratch."""
    channels, positions = geometry[0], geometry[1]
    if channels == 1:
        return
    second, total = scratch[:positions], scratch[positions : 2 * positions]
    _others(raw, p, second, total, channels, positions)
    odds, of_large = more[:positions], more[positions : 2 * positions]
    odds[:], of_large[:] = _ZERO, _ZERO
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            x = p[begin + i]
            share = g[begin + i] * x
            odds[i] += _ZERO if x > _HALF else share / (_ONE - x)
            of_large[i] += share if x > _HALF else _ZERO
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            x = p[begin + i]
            other = of_large[i] * exp32(raw[begin + i] - second[i]) / total[i] - g[begin + i] * x / (_ONE - x)
            raw_slopes[begin + i] += x * odds[i] + (-of_large[i] if x > _HALF else other)


@compiled
def _others(raw, p, second, total, channels, positions):
    """Of the classes with at most half: the largest logit, and the sum of exponentials over it."""
    second[:], total[:] = _LEAST, _ZERO
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            second[i] = max(second[i], raw[begin + i] if p[begin + i] <= _HALF else _LEAST)
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            total[i] += exp32(raw[begin + i] - second[i]) if p[begin + i] <= _HALF else _ZERO
