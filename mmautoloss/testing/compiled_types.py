"""Numba's tables of types and functions, filled on import, so that forked processes need not fill them each."""

from __future__ import annotations

from numba.core.registry import cpu_target

cpu_target.typing_context.refresh()
cpu_target.target_context.refresh()
