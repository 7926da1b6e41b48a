"""Every executor keeps the contract; those with workers are in ``test_local.py`` and ``test_ray.py``."""

from __future__ import annotations

import pytest

pytest.importorskip('mmengine')

from mmautoloss.execute import Executor, SerialExecutor
from mmautoloss.proxy import ProxyEvaluator, ProxySettings
from mmautoloss.testing.executor_suite import ExecutorSuite
from mmautoloss.testing.toy_trials import BROKEN, INFINITE
from mmautoloss.testing.virtual_executor import VirtualExecutor
from mmautoloss.trial import Outcome, State, Trial


def pretend(trial: Trial) -> Outcome:
    """What a training might give."""
    reasons = {INFINITE: 'not finite: the loss', BROKEN: 'Traceback'}
    if trial.genome in reasons:
        return Outcome(State.FAILED, reason=reasons[trial.genome])
    return Outcome(State.COMPLETE, trial.seed + (trial.genome is None) / 2)


class TestVirtualExecutor(ExecutorSuite):
    isolated = False
    trains = False

    def build(self, settings: ProxySettings, slots: int) -> Executor:
        return VirtualExecutor(pretend, slots=slots)


class TestSerialExecutor(ExecutorSuite):
    slots = 1
    isolated = False
    concurrent = False

    def build(self, settings: ProxySettings, slots: int) -> Executor:
        return SerialExecutor(ProxyEvaluator(settings))
