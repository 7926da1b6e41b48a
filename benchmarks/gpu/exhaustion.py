"""A training that asks for more memory than there is: it fails, and the next one in the same process is as ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from mmautoloss.engine import spec_of
from mmautoloss.expr import Genome, parse
from mmautoloss.proxy import ProxyEvaluator
from mmautoloss.testing.toy_searches import toy_config
from mmautoloss.trial import Outcome, Role, State, Trial

GENOME = Genome({'cls': parse('-(y * log(exp(log(p))))'), 'box': parse('abs(p - y)')})
"""Of the training that asks for too much, told by its ``exp``."""


def run(visit: Any) -> Iterator[dict[str, Any]]:
    """Three trainings of the toy in one process, of which the second asks for too much.

    Raises:
        RuntimeError: It does not fail for that, or the process is not what it was.
    """
    faults = {'memory_at': 2, 'where': 'exp('}
    evaluator = ProxyEvaluator(spec_of(toy_config(visit.folder, base={'model.faults': faults})).proxy)
    good = Trial(0, Role.BASELINE, 0)
    first, before = evaluator.evaluate(good), held()
    failed = evaluator.evaluate(Trial(1, Role.SEARCH, 0, GENOME, {'cls': 1.0, 'box': 0.5}))
    broken, after, again = evaluator.broken, held(), evaluator.evaluate(good)
    reason = failed.reason.splitlines()[-1] if failed.reason else 'it did not fail'
    same = again.state is State.COMPLETE and again.metrics == first.metrics
    yield {'reason': reason[:120], 'process_goes_on': not broken, 'next_is_the_same': same, 'mb_kept': after - before}
    if not is_exhaustion(failed) or broken or again.state is not State.COMPLETE:
        raise RuntimeError(f'the process did not survive a lack of memory: {reason}')


def is_exhaustion(outcome: Outcome) -> bool:
    """Whether it failed for lack of memory, as torch says it on a GPU and on the CPU."""
    return any(words in outcome.reason for words in ('out of memory', "can't allocate memory"))


def held() -> float:
    """Megabytes of tensors on the GPU; 0 without one."""
    return round(torch.cuda.memory_allocated() / 2**20, 1) if torch.cuda.is_available() else 0.0
