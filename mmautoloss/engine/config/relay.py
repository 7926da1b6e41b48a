"""The generations of a relay, and what makes no sense with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mmautoloss.engine.config.begin import BestBegin
from mmautoloss.errors import SetupError
from mmautoloss.execute import ExecuteSettings
from mmautoloss.search import Budget, Relay, Rung
from mmautoloss.strategy import Strategy

_CANDIDATES = 8
"""Candidates of a generation of a strategy that learns from each."""


def read_relay(begin: BestBegin | None, strategy: Strategy) -> Relay | None:
    """The generations of a relay; None where ``proxy.begin`` asks for none.

    Raises:
        SetupError: The strategy learns from another number of candidates at a time.
    """
    if begin is None:
        return None
    size = strategy.generation_size
    if begin.candidates and size and begin.candidates != size:
        raise SetupError(
            f'proxy.begin.candidates must be {size}, from which the strategy learns at a time, but got '
            f'{begin.candidates}: leave it out, and change samples or population in train_cfg.strategy.'
        )
    return Relay(begin.generations, begin.candidates or size or _CANDIDATES)


def require_relay_alone(settings: Mapping[str, Any], rung: Rung | None, execute: ExecuteSettings) -> None:
    """Refuses what makes no sense beside a relay.

    Args:
        settings: ``train_cfg`` of the search, with its defaults.
        rung: Its rung.
        execute: Where its trainings run.

    Raises:
        SetupError: There is such a setting.
    """
    budget, begin = settings['budget'], "proxy.begin='best'"
    reasons = {
        'tasks': settings['tasks'] and 'is one training, so it has no tasks',
        'progress=True': settings['progress']
        and 'shows a loss a part of the training alone, so it cannot learn from t',
        'proxy.rung': rung and 'goes on from its candidates, so none is stopped at a rung',
        'budget.candidate_seeds': budget.get('candidate_seeds', 1) > 1
        and 'trains each candidate of a generation once',
        'budget.funnel': budget.get('funnel') is not None and 'trains at full length, so there is nothing to lengthen',
        'budget.finalists': budget.get('finalists', 1) > 1 and 'ends with one loss',
        'budget.max_trials': 'max_trials' in budget and 'has generations times candidates trainings',
        'execute.executor': execute.executor != 'local'
        and 'keeps weights in the work dir, for processes of this machine',
    }
    for setting, reason in reasons.items():
        if reason:
            raise SetupError(f'{begin} {reason}: leave {setting} out.')


def budget_of(relay: Relay, known: int, budget: Budget) -> Budget:
    """The budget with its number of trainings: all legs, the one loss that they come to, and the known losses."""
    return replace(budget, max_trials=relay.trainings + 1 + known, finalists=1)
