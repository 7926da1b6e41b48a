"""The code that runs in an actor of Ray: receives trials, returns outcomes and pulses, all as JSON."""

from __future__ import annotations

import json
import os
import platform
import warnings
from dataclasses import replace

import torch

from mmautoloss.execute.devices import require_working_gpu
from mmautoloss.proxy import ProxySettings, evaluator_of
from mmautoloss.trial import Trial, outcome_to_json


class TrialActor:
    """The part of an actor that needs this package.

    Args:
        settings: How a candidate is evaluated.
        threads: Number of CPU threads.
    """

    def __init__(self, settings: ProxySettings, threads: int) -> None:
        # a config sets the start method for its data loaders
        warnings.filterwarnings('ignore', message='Multi-processing start method')
        if settings.trunk:  # perhaps on a machine without the work dir of the search
            settings = replace(settings, trunk=replace(settings.trunk, folder=''))
        if torch.cuda.is_available():
            require_working_gpu()
        self._evaluator = evaluator_of(settings)
        self._threads = threads
        self._trial: int | None = None
        gpus = os.environ.get('CUDA_VISIBLE_DEVICES')
        self._where = f'{platform.node()}:{os.getpid()}' + (f' GPU {gpus}' if gpus else '')

    def measure(self, job: str, trunk: bytes) -> tuple[str, bytes]:
        """Evaluates a trial.

        Args:
            job: The trial as JSON.
            trunk: The file of the trunk that it continues; empty for none.

        Returns:
            The outcome, whether it has spoilt this process, and whether it is its last one, as JSON; and the file of the
            trunk that it is, empty if it is none.
        """
        if not torch.cuda.is_available():
            torch.set_num_threads(self._threads)  # applies to this thread only
        fields = json.loads(job)
        self._trial = fields['trial']['number']
        trial = Trial.from_json(fields['trial'])
        if trial.begin:
            self._evaluator.trunks.receive(trial.begin, trunk)
        try:
            outcome = self._evaluator.evaluate(trial, fields['limit'])
        finally:
            self._trial = None
        spent, spoilt = self._evaluator.spent, self._evaluator.broken
        answer = {'outcome': outcome_to_json(outcome), 'last': spent, 'spoilt': spoilt}
        return json.dumps(answer), self._evaluator.trunks.take_unsent()

    def pulse(self) -> str:
        """The current state as JSON; called in another thread."""
        progress = self._evaluator.progress
        fields = {'trial': self._trial, 'phase': progress.phase, 'step': progress.step, 'where': self._where}
        return json.dumps(fields)
