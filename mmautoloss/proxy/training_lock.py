"""One training at a time in a process.

A training seeds the random generators of Python, numpy and torch, registers in MMEngine's managers, and redirects stdout.
All of these are shared by the threads of a process, so a second training waits for the first.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec('Arguments')
Result = TypeVar('Result')

_lock = threading.RLock()  # reentrant: a hook of a training may start another one


def one_at_a_time(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorator: at most one thread at a time runs any of the decorated functions."""

    @functools.wraps(function)
    def locked(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
        with _lock:
            return function(*args, **options)

    return locked
