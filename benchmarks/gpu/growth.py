"""Whether trainings leave memory behind: 20 trials in one process, as a worker has them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from machine import MB, session_mb
from searches import search_config

from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.proxy import ProxyEvaluator
from mmautoloss.trial import Role, State, Trial

TRIALS = 20
ITERATIONS = 4
ALLOWED_MB = 8
"""Growth of what tensors hold on a GPU, which should be none; that of the process is told and not judged."""


def run(visit: Any) -> Iterator[dict[str, Any]]:
    """One row: memory after the second trial, and what has been added by the last.

    Raises:
        RuntimeError: A training fails, or tensors stay.
    """
    torch.set_num_threads(1)
    config, options = search_config(visit)
    settings = spec_of(load_search_config(config, str(visit.folder / 'work'), options)).proxy
    evaluator = ProxyEvaluator(replace(settings, schedule={**settings.schedule, 'max_iters': ITERATIONS}))
    used = []
    for number in range(TRIALS):
        outcome = evaluator.evaluate(Trial(number, Role.BASELINE, seed=0))
        if outcome.state is State.FAILED and not outcome.reason.startswith('The validation gave no'):
            raise RuntimeError(outcome.reason)
        used.append(in_use())
    evaluator.close()
    grown = {f'{name}_grown': round(used[-1][name] - used[1][name], 1) for name in used[0]}
    yield {'trials': TRIALS, 'iterations': ITERATIONS, **used[1], **grown}
    if grown.get('tensors_mb_grown', 0) > ALLOWED_MB:
        raise RuntimeError(f'tensors of {grown["tensors_mb_grown"]} MB stay after {TRIALS - 2} trials')


def in_use() -> dict[str, float]:
    """Memory of this process, and of its tensors on a GPU."""
    gc.collect()
    if not torch.cuda.is_available():
        return {'process_mb': session_mb()}
    return {
        'process_mb': session_mb(),
        'tensors_mb': round(torch.cuda.memory_allocated() / MB, 1),
        'reserved_mb': round(torch.cuda.memory_reserved() / MB, 1),
        'peak_mb': round(torch.cuda.max_memory_allocated() / MB, 1),
    }
