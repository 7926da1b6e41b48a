"""One training at a time in a process.

A training seeds the random generators of Python, numpy and torch, is named in MMEngine's managers, and catches what is
printed: all of that is there once a process, whatever the number of its threads. Who comes second waits.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec('Arguments')
Result = TypeVar('Result')

_turn = threading.RLock()  # a training may ask for another, as a hook of it may


def one_at_a_time(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorator: calls in other threads, of whatever was decorated, wait for the end of this one."""

    @functools.wraps(function)
    def in_turn(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
        with _turn:
            return function(*args, **options)

    return in_turn
