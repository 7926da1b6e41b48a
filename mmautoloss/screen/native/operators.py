"""The published operators, forwards and backwards, on rows of float32.

A row is a tensor (N, C, H, W) as one line, channels outermost and images innermost: (C, H, W, N). Rows lie under each other in a table;
an operator reads one or two rows and writes one. Value and gradient are those of ``expr.primitives`` and of autograd, up to
rounding; of equal values in a window of a pool the first gets the gradient, as in torch.
"""

from __future__ import annotations

import numpy as np

from mmautoloss.expr import DRAWN, EPS
from mmautoloss.screen.native.arithmetic import exp32, log32, tanh32
from mmautoloss.screen.native.compiled import compiled

CODES = {name: code for code, name in enumerate(DRAWN)}
"""Number of each operator that is known here."""

_ADD, _MUL, _NEG, _ABS = (CODES[name] for name in ('add', 'mul', 'neg', 'abs'))
_INV, _LOG, _EXP, _TANH = (CODES[name] for name in ('inv', 'log', 'exp', 'tanh'))
_SQUARE, _SQRT, _MEAN_NHW, _MEAN_C = (CODES[name] for name in ('square', 'sqrt', 'mean_nhw', 'mean_c'))
_MAXPOOL, _MINPOOL = CODES['maxpool'], CODES['minpool']
_EPS = np.float32(EPS)
_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)


@compiled(inline='always')
def _sign(x):
    return _ONE if x > _ZERO else (-_ONE if x < _ZERO else x)  # NaN stays


@compiled
def forward(code, first, last, values, counts, geometry, valid):
    """Computes the rows of some steps.

    Args:
        code: Steps (S, 4), int32: operator, row written, rows read.
        first: First step.
        last: Step after the last.
        values: Rows (K, E).
        counts: How many elements count, of each channel (C,) and then of each position (P,).
        geometry: C, P = H * W * N, H, W.
        valid: Which elements count, 1 or 0 (E,); of length 0 where all do.
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
            _pool(a, out, _ONE if operator == _MAXPOOL else -_ONE, geometry, valid)


@compiled
def backward(code, first, last, values, slopes, live, counts, geometry, valid, scratch):
    """Adds up gradients from the last step to the first.

    Args:
        code: As in ``forward``.
        first: First step.
        last: Step after the last.
        values: As ``forward`` left them.
        slopes: Gradients with respect to the rows (K, E); that of the root is given, the others begin at 0.
        live: Which rows depend on the prediction (K,); the others need no gradient.
        counts: As in ``forward``.
        geometry: As in ``forward``.
        valid: As in ``forward``.
        scratch: Room for a row (E,).
    """
    for step in range(last - 1, first - 1, -1):
        operator, read, other = code[step, 0], code[step, 2], code[step, 3]
        x, y, g, d = values[read], values[code[step, 1]], slopes[code[step, 1]], slopes[read]
        if operator == _ADD:
            if live[read]:
                for i in range(g.size):
                    d[i] += g[i]
            if live[other]:
                d = slopes[other]
                for i in range(g.size):
                    d[i] += g[i]
        elif operator == _MUL:
            z = values[other]
            if live[read]:
                for i in range(g.size):
                    d[i] += g[i] * z[i]
            if live[other]:
                d = slopes[other]
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
            _mean_nhw_back(g, d, counts, geometry, valid)
        elif operator == _MEAN_C:
            _mean_c_back(g, d, counts, geometry, valid, scratch)
        else:
            _pool_back(x, y, g, d, geometry, valid, scratch)


@compiled
def _mean_nhw(a, out, counts, geometry, valid):
    channels, positions = geometry[0], geometry[1]
    for c in range(channels):
        begin, end = c * positions, (c + 1) * positions
        total = _ZERO
        if valid.size:
            for i in range(begin, end):
                total += a[i] if valid[i] else _ZERO
        else:
            for i in range(begin, end):
                total += a[i]
        total /= counts[c]
        for i in range(begin, end):
            out[i] = total


@compiled
def _mean_nhw_back(g, d, counts, geometry, valid):
    channels, positions = geometry[0], geometry[1]
    for c in range(channels):
        begin, end = c * positions, (c + 1) * positions
        total = _ZERO
        for i in range(begin, end):
            total += g[i]
        total /= counts[c]
        if valid.size:
            for i in range(begin, end):
                d[i] += total if valid[i] else _ZERO
        else:
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
                mean[i] += a[begin + i] if valid[begin + i] else _ZERO
        else:
            for i in range(positions):
                mean[i] += a[begin + i]
    for i in range(positions):
        mean[i] /= counts[channels + i]
    for c in range(1, channels):
        out[c * positions : (c + 1) * positions] = mean


@compiled
def _mean_c_back(g, d, counts, geometry, valid, scratch):
    channels, positions = geometry[0], geometry[1]
    share = scratch[:positions]
    share[:] = _ZERO
    for c in range(channels):
        begin = c * positions
        for i in range(positions):
            share[i] += g[begin + i]
    for i in range(positions):
        share[i] /= counts[channels + i]
    for c in range(channels):
        begin = c * positions
        if valid.size:
            for i in range(positions):
                d[begin + i] += share[i] if valid[begin + i] else _ZERO
        else:
            for i in range(positions):
                d[begin + i] += share[i]


@compiled
def _pool(a, out, sign, geometry, valid):
    """The largest (sign 1) or smallest (sign -1) of the 3 x 3 neighbours; what does not count never wins and stays."""
    positions, height, width = geometry[1], geometry[2], geometry[3]
    images = positions // (height * width)
    if height * width == 1:
        out[:] = a
        return
    lowest = np.float32(-np.inf)
    out[:] = lowest
    for begin in range(0, a.size, positions):
        for y in range(height):  # a line at a time, which stays in the cache
            for dy in range(-min(y, 1), min(height - y, 2)):
                for dx in range(-1, 2):
                    left, right = max(0, -dx), min(width, width - dx)
                    here = begin + (y * width + left) * images
                    there = here + (dy * width + dx) * images
                    best, x = out[here : here + (right - left) * images], a[there : there + (right - left) * images]
                    if valid.size:
                        counts = valid[there : there + best.size]
                        for i in range(best.size):
                            v = sign * x[i] if counts[i] else lowest
                            best[i] = v if (v > best[i]) | (v != v) else best[i]
                    else:
                        for i in range(best.size):
                            v = sign * x[i]
                            best[i] = v if (v > best[i]) | (v != v) else best[i]
    if valid.size:
        for i in range(a.size):
            out[i] = sign * out[i] if valid[i] else a[i]
    else:
        for i in range(a.size):
            out[i] = sign * out[i]


@compiled
def _pool_back(a, out, g, d, geometry, valid, left_over):
    """Gives each gradient to the first neighbour that has the value of the window."""
    positions, height, width = geometry[1], geometry[2], geometry[3]
    images = positions // (height * width)
    if height * width == 1:
        for i in range(a.size):
            d[i] += g[i]
        return
    for i in range(a.size):
        left_over[i] = g[i]
    if valid.size:
        for i in range(a.size):
            d[i] += _ZERO if valid[i] else g[i]
            left_over[i] = left_over[i] if valid[i] else _ZERO
    for begin in range(0, a.size, positions):
        for y in range(height):
            for dy in range(-min(y, 1), min(height - y, 2)):
                for dx in range(-1, 2):
                    left, right = max(0, -dx), min(width, width - dx)
                    here = begin + (y * width + left) * images
                    there = here + (dy * width + dx) * images
                    count = (right - left) * images
                    x, best, to = a[there : there + count], out[here : here + count], d[there : there + count]
                    rest = left_over[here : here + count]
                    if valid.size:
                        counts = valid[there : there + count]
                        for i in range(count):
                            won = (x[i] == best[i]) & (counts[i] != 0)
                            to[i] += rest[i] if won else _ZERO
                            rest[i] = _ZERO if won else rest[i]
                    else:
                        for i in range(count):
                            won = x[i] == best[i]
                            to[i] += rest[i] if won else _ZERO
                            rest[i] = _ZERO if won else rest[i]
