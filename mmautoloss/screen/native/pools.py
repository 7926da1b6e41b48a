"""Pools of 3 x 3 neighbours, along the lines and then over three lines, forwards and backwards.

Which neighbours there are, and which of them count, is looked up in a table (``neighbours``), so that all runs in a few
loops over whole rows.
"""

from __future__ import annotations

import numpy as np

from mmautoloss.screen.native.compiler import compiled

_ZERO = np.float32(0)
_LOWEST = np.float32(-np.inf)


def neighbours(valid: np.ndarray, height: int, width: int, images: int) -> np.ndarray:
    """Which neighbours an element has that count.

    Args:
        valid: Which elements count (C * H * W * N,), 1 or 0.
        height: H.
        width: W.
        images: N.

    Returns:
        (5, C * H * W * N), 1 or 0: itself, left, right; above, below (there whether they exist is all that matters).
    """
    maps = valid.reshape(-1, height, width, images)
    near = np.zeros((5, *maps.shape), np.float32)
    near[0] = maps
    near[1, :, :, 1:], near[2, :, :, :-1] = maps[:, :, :-1], maps[:, :, 1:]
    near[3, :, 1:], near[4, :, :-1] = 1, 1
    return near.reshape(5, -1)


@compiled
def pool(a, out, sign, images, line, near, lines):
    """The largest (sign 1) or smallest (sign -1) of the neighbours; what does not count never wins and stays.

    Args:
        a: Row (E,).
        out: Row (E,), written.
        sign: 1 or -1.
        images: N, the distance of neighbours in a line.
        line: W * N, the distance of neighbours in a column.
        near: See ``neighbours``; of no columns where a map has a single position, and a pool is the position itself.
        lines: Scratch (E,).
    """
    if not near.size:
        out[:] = a
        return
    _pool_lines(a, lines, sign, images, near)
    out[:] = lines
    one = np.float32(1)
    _raise(out[line:], lines[:-line], near[3, line:], one)
    _raise(out[:-line], lines[line:], near[4, :-line], one)
    counts = near[0]
    for i in range(a.size):
        out[i] = sign * out[i] if counts[i] > _ZERO else a[i]


@compiled
def _pool_lines(a, lines, sign, images, near):
    """The largest of ``sign * a`` of three neighbours in a line."""
    lines[:] = _LOWEST
    _raise(lines, a, near[0], sign)
    _raise(lines[images:], a[:-images], near[1, images:], sign)
    _raise(lines[:-images], a[images:], near[2, :-images], sign)


@compiled
def _raise(best, x, near, sign):
    """Takes over what is greater, of the neighbours that there are; NaN wins, as in torch."""
    for i in range(best.size):
        v = sign * x[i] if near[i] > _ZERO else _LOWEST
        best[i] = v if (v > best[i]) | (v != v) else best[i]


@compiled
def pool_back(a, out, g, d, sign, images, line, near, lines, line_slopes):
    """Gives each gradient to the first neighbour, line by line, that has the value of the window.

    Args:
        a: Row that was read (E,).
        out: Row that was written (E,).
        g: Gradient with respect to ``out`` (E,); used up.
        d: Gradient with respect to ``a`` (E,); added to.
        sign: As in ``pool``.
        images: As in ``pool``.
        line: As in ``pool``.
        near: As in ``pool``.
        lines: Scratch (E,).
        line_slopes: Scratch (E,).
    """
    if not near.size:
        for i in range(a.size):
            d[i] += g[i]
        return
    counts = near[0]
    for i in range(a.size):
        d[i] += _ZERO if counts[i] > _ZERO else g[i]
        g[i] = g[i] if counts[i] > _ZERO else _ZERO
    _pool_lines(a, lines, sign, images, near)
    line_slopes[:] = _ZERO
    _give(line_slopes[:-line], lines[:-line], near[3, line:], g[line:], out[line:], sign)
    _give(line_slopes, lines, counts, g, out, sign)
    _give(line_slopes[line:], lines[line:], near[4, :-line], g[:-line], out[:-line], sign)
    _give(d[:-images], a[:-images], near[1, images:], line_slopes[images:], lines[images:], sign)
    _give(d, a, counts, line_slopes, lines, sign)
    _give(d[images:], a[images:], near[2, :-images], line_slopes[:-images], lines[:-images], sign)


@compiled
def _give(to, x, near, rest, best, sign):
    """Moves gradients to those neighbours that have the value of the window; ``rest`` keeps what is not yet given."""
    for i in range(rest.size):
        won = (x[i] == sign * best[i]) & (near[i] > _ZERO)  # sign is its own inverse
        to[i] += rest[i] if won else _ZERO
        rest[i] = _ZERO if won else rest[i]
