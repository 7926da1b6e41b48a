"""Forward and backward passes of the published operators on rows of float32.

A row is a flat tensor (N, C, H, W) with channels outermost and images innermost: (C, H, W, N). An operator reads one or two
rows of a table and writes one. Values and gradients are those of ``expr.primitives`` and of autograd, up to rounding; among
equal values in the window of a pool, the first gets the gradient, as in torch.
"""

from __future__ import annotations

import numpy as np

from mmautoloss.expr import EPS, PUBLISHED
from mmautoloss.screen.native.arithmetic import exp32, log32, tanh32
from mmautoloss.screen.native.compiler import compiled
from mmautoloss.screen.native.pools import pool, pool_backward

CODES = {name: code for code, name in enumerate(PUBLISHED)}
"""Code of each compiled operator."""

_ADD, _MUL, _NEG, _ABS = (CODES[name] for name in ('add', 'mul', 'neg', 'abs'))
_INV, _LOG, _EXP, _TANH = (CODES[name] for name in ('inv', 'log', 'exp', 'tanh'))
_SQUARE, _SQRT, _MEAN_NHW, _MEAN_C = (CODES[name] for name in ('square', 'sqrt', 'mean_nhw', 'mean_c'))
_MAXPOOL = CODES['maxpool']
_EPS = np.float32(EPS)
_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)


@compiled(inline='always')
def _sign(x):
    return _ONE if x > _ZERO else (-_ONE if x < _ZERO else x)  # NaN stays


@compiled
def forward(code, first, last, values, counts, geometry, valid, near):
    """Computes the rows of a range of steps.

    Args:
        code: Steps (S, 4), int32: operator, row written, rows read.
        first: First step.
        last: Step after the last.
        values: Rows (K, E); the last is scratch.
        counts: Number of elements that count in each channel (C,), followed by that in each position (P,).
        geometry: C, P = H * W * N, N, W * N.
        valid: Which elements count, 1 or 0 (E,), float32; empty where all count.
        near: Neighbours (5, E), see ``pools.neighbours``.
    """
    for step in range(first, last):
        operator = code[step, 0]
        out, a, b = values[code[step, 1]], values[code[step, 2]], values[code[step, 3]]
        if operator == _ADD:
            for i in range(out.size):
                out[i] = a[i] + b[i]
        elif operator == _MUL:
            for i in range(out.size):
                out[i] = a[i] * b[i]
        elif operator == _NEG:
            for i in range(out.size):
                out[i] = -a[i]
        elif operator == _ABS:
            for i in range(out.size):
                out[i] = abs(a[i])
        elif operator == _INV:
            for i in range(out.size):
                out[i] = _ONE / (a[i] + _EPS)
        elif operator == _LOG:
            for i in range(out.size):
                out[i] = _sign(a[i]) * log32(abs(a[i]) + _EPS)
        elif operator == _EXP:
            for i in range(out.size):
                out[i] = exp32(a[i])
        elif operator == _TANH:
            for i in range(out.size):
                out[i] = tanh32(a[i])
        elif operator == _SQUARE:
            for i in range(out.size):
                out[i] = a[i] * a[i]
        elif operator == _SQRT:
            for i in range(out.size):
                out[i] = _sign(a[i]) * np.sqrt(abs(a[i]) + _EPS)
        elif operator == _MEAN_NHW:
            _mean_nhw(a, out, counts, geometry, valid)
        elif operator == _MEAN_C:
            _mean_c(a, out, counts, geometry, valid)
        else:
            sign = _ONE if operator == _MAXPOOL else -_ONE
            pool(a, out, sign, geometry[2], geometry[3], near, values[-1])


@compiled
def backward(code, first, last, values, grads, live, counts, geometry, valid, near, scratch):
    """Accumulates gradients from the last step to the first.

    Args:
        code: As in ``forward``.
        first: First step.
        last: Step after the last.
        values: Rows computed by ``forward``.
        grads: Gradients with respect to the rows (K, E); initially that of the root, and 0 for all others.
        live: Which rows depend on the prediction (K,); the others need no gradient.
        counts: As in ``forward``.
        geometry: As in ``forward``.
        valid: As in ``forward``.
        near: As in ``forward``.
        scratch: Buffer for a row (E,).
    """
    for step in range(last - 1, first - 1, -1):
        operator, read, other = code[step, 0], code[step, 2], code[step, 3]
        x, y, g, d = values[read], values[code[step, 1]], grads[code[step, 1]], grads[read]
        if operator == _ADD:
            if live[read]:
                for i in range(g.size):
                    d[i] += g[i]
            if live[other]:
                d = grads[other]
                for i in range(g.size):
                    d[i] += g[i]
        elif operator == _MUL:
            z = values[other]
            if live[read]:
                for i in range(g.size):
                    d[i] += g[i] * z[i]
            if live[other]:
                d = grads[other]
                for i in range(g.size):
                    d[i] += g[i] * x[i]
        elif operator == _NEG:
            for i in range(g.size):
                d[i] -= g[i]
        elif operator == _ABS:
            for i in range(g.size):
                d[i] += g[i] * _sign(x[i])
        elif operator == _INV:
            for i in range(g.size):
                d[i] -= g[i] * y[i] * y[i]
        elif operator == _LOG:
            for i in range(g.size):
                d[i] += g[i] * abs(_sign(x[i])) / (abs(x[i]) + _EPS)
        elif operator == _EXP:
            for i in range(g.size):
                d[i] += g[i] * y[i]
        elif operator == _TANH:
            for i in range(g.size):
                d[i] += g[i] * (_ONE - y[i] * y[i])
        elif operator == _SQUARE:
            for i in range(g.size):
                d[i] += g[i] * (_TWO * x[i])
        elif operator == _SQRT:
            for i in range(g.size):
                d[i] += g[i] * abs(_sign(x[i])) / (_TWO * np.sqrt(abs(x[i]) + _EPS))
        elif operator == _MEAN_NHW:
            _mean_nhw_backward(g, d, counts, geometry, valid)
        elif operator == _MEAN_C:
            _mean_c_backward(g, d, counts, geometry, valid, scratch)
        else:
            sign = _ONE if operator == _MAXPOOL else -_ONE
            pool_backward(x, y, g, d, sign, geometry[2], geometry[3], near, values[-1], scratch)


@compiled
def _mean_nhw(a, out, counts, geometry, valid):
    channels, positions = geometry[0], geometry[1]
    for c in range(channels):
        begin, end = c * positions, (c + 1) * positions
        total = _ZERO
        if valid.size:
            for i in range(begin, end):
                total += a[i] if valid[i] > _ZERO else _ZERO
        else:
            for i in range(begin, end):
                total += a[i]
        total /= counts[c]
        for i in range(begin, end):
            out[i] = total


@compiled
def _mean_nhw_backward(g, d, counts, geometry, valid):
    channels, positions = geometry[0], geometry[1]
    for c in range(channels):
        begin, end = c * positions, (c + 1) * positions
        total = _ZERO
        if valid.size:  # the gradient of ignored elements may be 0 * Inf
            for i in range(begin, end):
                total += g[i] if valid[i] > _ZERO else _ZERO
            total /= counts[c]
            for i in range(begin, end):
                d[i] += total if valid[i] > _ZERO else _ZERO
        else:
            for i in range(begin, end):
                total += g[i]
            total /= counts[c]
            for i in range(begin, end):
                d[i] += total


@compiled
def _mean_c(a, out, counts, geometry, valid):
    channels, positions = geometry[0], geometry[1]
    mean = out[:positions]
    mean[:] = _ZERO
    for c in range(channels):
        begin = c * positions
        if valid.size:
            for i in range(positions):
                mean[i] += a[begin + i] if valid[begin + i] > _ZERO else _ZERO
        else:
            for i in range(positions):
                mean[i] += a[begin + i]
    for i in range(positions):
        mean[i] /= counts[channels + i]
    for c in range(1, channels):
        out[c * positions : (c + 1) * positions] = mean


@compiled
def _mean_c_backward(g, d, counts, geometry, valid, scratch):
    channels, positions = geometry[0], geometry[1]
    share = scratch[:positions]
    share[:] = _ZERO
    for c in range(channels):
        begin = c * positions
        if valid.size:
            for i in range(positions):
                share[i] += g[begin + i] if valid[begin + i] > _ZERO else _ZERO
        else:
            for i in range(positions):
                share[i] += g[begin + i]
    for i in range(positions):
        share[i] /= counts[channels + i]
    for c in range(channels):
        begin = c * positions
        if valid.size:
            for i in range(positions):
                d[begin + i] += share[i] if valid[begin + i] > _ZERO else _ZERO
        else:
            for i in range(positions):
                d[begin + i] += share[i]
