"""What a training changes in its process, put back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def process_state_kept() -> Iterator[None]:
    """Keeps the random generators of Python, numpy and torch, and torch's switches for deterministic algorithms.

    A Runner seeds the generators: whoever draws from them, as a tuner of settings may, would draw the same after each
    training.
    """
    python, arrays = random.getstate(), np.random.get_state()
    backend = torch.backends.cudnn
    switches = backend.deterministic, backend.benchmark
    strict, warn = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)
        backend.deterministic, backend.benchmark = switches
        torch.use_deterministic_algorithms(strict, warn_only=warn)
