"""The screens of a search, calibrated on probes of the model with which candidates begin."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

from mmautoloss.engine.config.branches import hand_made_losses
from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.survey import Capture, Survey, survey_of
from mmautoloss.errors import in_task
from mmautoloss.proxy import Evaluator, evaluators_by_task
from mmautoloss.report import ConsoleObserver
from mmautoloss.screen import (
    Probe,
    Screen,
    calibrate,
    join_tasks,
    load_probes,
    probes_file,
    require_calibrated,
)
from mmautoloss.trial import History


class Screens(Mapping[str, Screen]):
    """The screens by branch, built when they are first needed: where candidates continue a trunk, that comes before.

    Args:
        spec: The search.
        evaluator: Has the model and the data, or those of each task.
        history: Its trials, with the trunk.
        observer: Prints the calibration.
    """

    def __init__(self, spec: SearchSpec, evaluator: Evaluator, history: History, observer: ConsoleObserver) -> None:
        self._spec = spec
        self._evaluator = evaluator
        self._history = history
        self._observer = observer
        self._screens: Mapping[str, Screen] | None = None

    def __getitem__(self, name: str) -> Screen:
        return self.build()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.build())

    def __len__(self) -> int:
        return len(self.build())

    def build(self, survey: Survey | None = None) -> Mapping[str, Screen]:
        """The screens, whose probes are captured once and then read from the work dir.

        Args:
            survey: Captures the probes; None for one of its own.

        Raises:
            SetupError: A loss cannot be recorded.
            CalibrationError: The rejection test cannot tell good losses from bad ones here.
        """
        if self._screens is None:
            with contextlib.nullcontext(survey) if survey else survey_of(self._evaluator, self._spec.execute) as own:
                tasks = evaluators_by_task(self._evaluator)
                self._screens = join_tasks({task: self._of_task(task, own) for task in tasks})
        return self._screens

    def _of_task(self, task: str, survey: Survey) -> Mapping[str, Screen]:
        with in_task(task):
            probes, hand_made = self._probes(task, survey), self._hand_made(task, survey)
        screen = self._spec.screen
        calibrations = {
            f'{task}/{name}' if task else name: calibrate(screen.test, probe, hand_made[name])
            for name, probe in probes.items()
        }
        require_calibrated(calibrations, screen.test)
        self._observer.calibrated(calibrations, screen.test.eta)
        return screen.build(probes, hand_made)

    def _hand_made(self, task: str, survey: Survey) -> Mapping[str, Callable[..., Tensor]]:
        """The hand-made losses: of the model of the evaluator, or, if another process has that, of one on the CPU."""
        if survey.elsewhere:
            spec = self._spec.tasks[task] if task else self._spec
            return hand_made_losses(spec.base, spec.branches)
        return evaluators_by_task(self._evaluator)[task].hand_made

    def _probes(self, task: str, survey: Survey) -> Mapping[str, Probe]:
        spec, path = self._spec, self._spec.work_dir / probes_file(task)
        if path.exists() and spec.resume:
            return load_probes(path)
        screen = spec.screen
        capture = Capture(str(path), screen.samples, spec.search.seed, screen.side, self._saved())
        survey.capture(task, capture, self._observer.say)
        return load_probes(path)

    def _saved(self) -> dict[str, Any] | None:
        """The training that the first candidates continue, as JSON."""
        trunk = self._history.trunk(self._spec.search.seed)
        if self._spec.proxy.trunk is None or trunk is None:
            return None
        saved = trunk.required_outcome.saved
        return saved.to_json() if saved else None
