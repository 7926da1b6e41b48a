"""Forward and backward passes of 3 x 3 pools: first along each line, then over three lines.

A table of the existing and valid neighbours (``neighbours``) allows a few loops over whole rows.
"""

from __future__ import annotations

import numpy as np

from mmautoloss.screen.native.compiler import compiled

_ZERO = np.float32(0)
_LOWEST = np.float32(-np.inf)


def neighbours(valid: np.ndarray, height: int, width: int, images: int) -> np.ndarray:
    """The table of neighbours of each element that exist and count.

    Args:
        valid: Which elements count (C * H * W * N,), 1 or 0.
        height: H.
        width: W.
        images: N.

    Returns:
        (5, C * H * W * N), 1 or 0: the element itself, left, right, above, below (the last two only say whether the
        neighbour exists).
    """
    maps = valid.reshape(-1, height, width, images)
    near = np.zeros((5, *maps.shape), np.float32)
    near[0] = maps
    near[1, :, :, 1:], near[2, :, :, :-1] = maps[:, :, :-1], maps[:, :, 1:]
    near[3, :, 1:], near[4, :, :-1] = 1, 1
    return near.reshape(5, -1)


@compiled
def pool(a, out, sign, images, line, near, lines):
    """The maximum (sign 1) or minimum (sign -1) of the neighbours; ignored elements are skipped and keep their value.

    Args:
        a: Input row (E,).
        out: Output row (E,), written.
        sign: 1 or -1.
        images: N, the distance of neighbours in a line.
        line: W * N, the distance of neighbours in a column.
        near: See ``neighbours``; without columns where maps have a single position, so that a pool is the identity.
        lines: Scratch (E,).
    """
    if not near.size:
        out[:] = a
        return
    _pool_lines(a, lines, sign, images, near)
    out[:] = lines
    one = np.float32(1)
    _update_maximum(out[line:], lines[:-line], near[3, line:], one)
    _update_maximum(out[:-line], lines[line:], near[4, :-line], one)
    counts = near[0]
    for i in range(a.size):
        out[i] = sign * out[i] if counts[i] > _ZERO else a[i]


@compiled
def _pool_lines(a, lines, sign, images, near):
    """The maximum of ``sign * a`` over three neighbours in a line."""
    lines[:] = _LOWEST
    _update_maximum(lines, a, near[0], sign)
    _update_maximum(lines[images:], a[:-images], near[1, images:], sign)
    _update_maximum(lines[:-images], a[images:], near[2, :-images], sign)


@compiled
def _update_maximum(best, x, near, sign):
    """Updates a maximum with the neighbours that exist and count; NaN wins, as in torch."""
    for i in range(best.size):
        v = sign * x[i] if near[i] > _ZERO else _LOWEST
        best[i] = v if (v > best[i]) | (v != v) else best[i]


@compiled
def pool_backward(a, out, g, d, sign, images, line, near, lines, line_grads):
    """Passes each gradient to the first neighbour, line by line, that has the value of the window.

    Args:
        a: Input row of ``pool`` (E,).
        out: Output row of ``pool`` (E,).
        g: Gradient with respect to ``out`` (E,); overwritten.
        d: Gradient with respect to ``a`` (E,); accumulated.
        sign: As in ``pool``.
        images: As in ``pool``.
        line: As in ``pool``.
        near: As in ``pool``.
        lines: Scratch (E,).
        line_grads: Scratch (E,).
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
    line_grads[:] = _ZERO
    _pass_gradient(line_grads[:-line], lines[:-line], near[3, line:], g[line:], out[line:], sign)
    _pass_gradient(line_grads, lines, counts, g, out, sign)
    _pass_gradient(line_grads[line:], lines[line:], near[4, :-line], g[:-line], out[:-line], sign)
    _pass_gradient(d[:-images], a[:-images], near[1, images:], line_grads[images:], lines[images:], sign)
    _pass_gradient(d, a, counts, line_grads, lines, sign)
    _pass_gradient(d[images:], a[images:], near[2, :-images], line_grads[:-images], lines[:-images], sign)


@compiled
def _pass_gradient(to, x, near, rest, best, sign):
    """Moves gradients from ``rest`` to the neighbours that have the value of the window."""
    for i in range(rest.size):
        won = (x[i] == sign * best[i]) & (near[i] > _ZERO)  # sign is its own inverse
        to[i] += rest[i] if won else _ZERO
        rest[i] = _ZERO if won else rest[i]
