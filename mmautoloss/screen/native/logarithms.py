"""Logarithms of ``p`` and ``1 - p`` from raw predictions, and their backward passes; as ``losses.inputs.logarithms``."""

from __future__ import annotations

import numpy as np

from mmautoloss.expr.logarithms import LEAST
from mmautoloss.screen.native.arithmetic import exp32, log1p32, log32
from mmautoloss.screen.native.compiler import compiled

_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_LEAST = np.float32(LEAST)


@compiled
def log_sigmoid(raw, out, sign):
    """Writes ``log(p)`` (sign 1) or ``log(1 - p)`` (sign -1)."""
    for i in range(out.size):
        x = sign * raw[i]
        out[i] = max(x if x < _ZERO else _ZERO, _LEAST) - log1p32(exp32(-abs(x)))


@compiled
def log_sigmoid_backward(raw, p, g, raw_grad, sign):
    """Adds the gradient through the row of ``log_sigmoid``."""
    if sign < _ZERO:
        for i in range(g.size):
            raw_grad[i] -= g[i] * p[i]
    else:
        for i in range(g.size):
            raw_grad[i] += g[i] / (_ONE + exp32(raw[i]))


@compiled
def log_softmax(raw, p, out, scratch, geometry):
    """Writes ``log(p)`` of a softmax."""
    channels, positions = geometry[0], geometry[1]
    if channels == 1:
        out[:] = _ZERO
        return
    maximum, largest = scratch[:positions], scratch[positions : 2 * positions]
    maximum[:], largest[:] = raw[:positions], p[:positions]
    for c in range(1, channels):
        begin = c * positions
        for i in range(positions):
            maximum[i] = max(maximum[i], raw[begin + i])
            largest[i] = max(largest[i], p[begin + i])
    for i in range(positions):
        largest[i] = log32(largest[i])
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            out[begin + i] = max(raw[begin + i] - maximum[i] + largest[i], _LEAST)


@compiled
def log_softmax_backward(p, g, raw_grad, scratch, geometry):
    """Adds the gradient through ``log(p)`` of a softmax."""
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
            raw_grad[begin + i] += g[begin + i] - p[begin + i] * total[i]


@compiled
def log_complement(raw, p, out, scratch, geometry):
    """Writes ``log(1 - p)`` of a softmax; 0 for a single class, since the protected log(0) is 0."""
    channels, positions = geometry[0], geometry[1]
    if channels == 1:
        out[:] = _ZERO
        return
    second, total = scratch[:positions], scratch[positions : 2 * positions]
    _other_classes(raw, p, second, total, channels, positions)
    for i in range(positions):
        total[i] = log32(total[i])
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            x = p[begin + i]
            large = second[i] - raw[begin + i] + total[i] + log32(x)
            out[begin + i] = max(large, _LEAST) if x > _HALF else log1p32(-x)


@compiled
def log_complement_backward(raw, p, g, raw_grad, scratch, scratch2, geometry):
    """Adds the gradient through ``log(1 - p)`` of a softmax; ``scratch2`` is another scratch row."""
    channels, positions = geometry[0], geometry[1]
    if channels == 1:
        return
    second, total = scratch[:positions], scratch[positions : 2 * positions]
    _other_classes(raw, p, second, total, channels, positions)
    odds, of_large = scratch2[:positions], scratch2[positions : 2 * positions]
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
            raw_grad[begin + i] += x * odds[i] + (-of_large[i] if x > _HALF else other)


@compiled
def _other_classes(raw, p, second, total, channels, positions):
    """For the classes with ``p`` of at most 1/2: the largest logit, and the sum of exponentials relative to it."""
    second[:], total[:] = _LEAST, _ZERO
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            second[i] = max(second[i], raw[begin + i] if p[begin + i] <= _HALF else _LEAST)
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            total[i] += exp32(raw[begin + i] - second[i]) if p[begin + i] <= _HALF else _ZERO
