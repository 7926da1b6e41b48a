"""The state of a process that a training changes, restored afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def process_state_kept() -> Iterator[None]:
    """Restores the random generators of Python, numpy and torch, and torch's flags for deterministic algorithms.

    A Runner seeds the generators: a tuner that draws from them would draw the same numbers after each training.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    backend = torch.backends.cudnn
    flags = backend.deterministic, backend.benchmark
    strict, warn = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        backend.deterministic, backend.benchmark = flags
        torch.use_deterministic_algorithms(strict, warn_only=warn)
