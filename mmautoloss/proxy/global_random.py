"""The global random generators of a process: Python's, numpy's, torch's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def random_states() -> tuple[Any, ...]:
    """The states of all global random generators."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda


def set_random_states(states: tuple[Any, ...]) -> None:
    """Sets all global random generators to states that ``random_states`` gave."""
    python, numpy, cpu, cuda = states
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(cpu)
    if cuda and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(cuda[: torch.cuda.device_count()])


@contextmanager
def kept_random_states() -> Iterator[None]:
    """Restores all global random generators afterwards."""
    states = random_states()
    try:
        yield
    finally:
        set_random_states(states)
