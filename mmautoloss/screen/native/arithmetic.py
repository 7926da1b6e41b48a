"""Exponential, logarithm and hyperbolic tangent of float32 that the compiler can vectorise.

The functions of the C library need a call for each element; these polynomials and bit shifts run on sixteen elements at
once. The polynomials are those of Cephes (Moshier, 1989), with errors of about one unit in the last place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from mmautoloss.screen.native.compiler import compiled

_F = np.float32
_I = np.int32


@intrinsic
def _bits_of(typing: Any, x: Any) -> Any:
    """The bits of a float32 as an int32."""
    return types.int32(types.float32), lambda context, builder, signature, args: builder.bitcast(
        args[0], ir.IntType(32)
    )


@intrinsic
def _from_bits(typing: Any, x: Any) -> Any:
    """The float32 with the bits of an int32."""
    return types.float32(types.int32), lambda context, builder, signature, args: builder.bitcast(
        args[0], ir.FloatType()
    )


@compiled(inline='always')
def exp32(x: np.float32) -> np.float32:
    """e to the x; Inf from 88.8 on, NaN stays NaN, and denormal results are replaced by about 1e-38."""
    x = min(max(x, _F(-87.3)), _F(88.8)) if x == x else x
    n = min(np.floor(x * _F(1.44269504088896341) + _F(0.5)), _F(127))
    r = x - n * _F(0.693359375) + n * _F(2.12194440e-4)
    p = _F(1.9875691500e-4)
    p = p * r + _F(1.3981999507e-3)
    p = p * r + _F(8.3334519073e-3)
    p = p * r + _F(4.1665795894e-2)
    p = p * r + _F(1.6666665459e-1)
    p = p * r + _F(5.0000001201e-1)
    p = p * r * r + r + _F(1)
    return p * _from_bits((_I(n) + _I(127)) << _I(23))  # type: ignore[call-arg]  # numba passes the first argument


@compiled(inline='always')
def log32(x: np.float32) -> np.float32:
    """Natural logarithm of a normal positive number; Inf and NaN are returned unchanged."""
    bits: Any = _bits_of(x)  # type: ignore[call-arg]  # numba passes the first argument
    exponent = _F((bits >> _I(23)) - _I(126))
    m = _from_bits((bits & _I(0x7FFFFF)) | _I(0x3F000000))
    low = m < _F(0.70710678)
    exponent = exponent - (_F(1) if low else _F(0))
    m = m + m - _F(1) if low else m - _F(1)
    z = m * m
    p = _cubic(m) * m * z + _F(-2.12194440e-4) * exponent - _F(0.5) * z
    result = m + p + _F(0.693359375) * exponent
    return result if x < _F(3.4e38) else x


@compiled(inline='always')
def log1p32(x: np.float32) -> np.float32:
    """Natural logarithm of 1 + x for x from -1/2 to 1, accurate also where 1 + x rounds to 1; NaN stays NaN."""
    near = _cubic(x) * x * x * x - _F(0.5) * x * x + x
    return near if abs(x) < _F(0.29) else log32(_F(1) + x)


@compiled(inline='always')
def _cubic(m: np.float32) -> np.float32:
    """The remainder of log(1 + m) after m - m ** 2 / 2, divided by m ** 3; for m from -0.3 to 0.42."""
    p = _F(7.0376836292e-2)
    p = p * m + _F(-1.1514610310e-1)
    p = p * m + _F(1.1676998740e-1)
    p = p * m + _F(-1.2420140846e-1)
    p = p * m + _F(1.4249322787e-1)
    p = p * m + _F(-1.6668057665e-1)
    p = p * m + _F(2.0000714765e-1)
    p = p * m + _F(-2.4999993993e-1)
    return p * m + _F(3.3333331174e-1)


@compiled(inline='always')
def tanh32(x: np.float32) -> np.float32:
    """Hyperbolic tangent."""
    z = x * x
    p = _F(-5.70498872745e-3)
    p = p * z + _F(2.06390887954e-2)
    p = p * z + _F(-5.37397155531e-2)
    p = p * z + _F(1.33314422036e-1)
    p = p * z + _F(-3.33332819422e-1)
    near = p * z * x + x
    far = _F(1) - _F(2) / (exp32(_F(2) * abs(x)) + _F(1))
    return near if z < _F(0.390625) else (far if x > 0 else -far)
