"""The screens of a search, calibrated on probes of the model with which candidates begin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.config.writing import written
from mmautoloss.errors import in_task
from mmautoloss.proxy import Begin, Evaluator, ProxyEvaluator, Trunks, capture_probes, evaluators_by_task
from mmautoloss.report import ConsoleObserver
from mmautoloss.screen import (
    Probe,
    Screen,
    calibrate,
    join_tasks,
    load_probes,
    probes_file,
    require_calibrated,
    save_probes,
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

    def build(self) -> Mapping[str, Screen]:
        """The screens, whose probes are captured once and then read from the work dir.

        Raises:
            SetupError: A loss cannot be recorded.
            CalibrationError: The rejection test cannot tell good losses from bad ones here.
        """
        if self._screens is None:
            parts = evaluators_by_task(self._evaluator)
            self._screens = join_tasks({task: self._of_task(task, part) for task, part in parts.items()})
        return self._screens

    def _of_task(self, task: str, evaluator: ProxyEvaluator) -> Mapping[str, Screen]:
        with in_task(task):
            probes, hand_made = self._probes(task, evaluator), evaluator.hand_made
        screen = self._spec.screen
        calibrations = {
            f'{task}/{name}' if task else name: calibrate(screen.test, probe, hand_made[name])
            for name, probe in probes.items()
        }
        require_calibrated(calibrations, screen.test)
        self._observer.calibrated(calibrations, screen.test.eta)
        return screen.build(probes, hand_made)

    def _probes(self, task: str, evaluator: ProxyEvaluator) -> Mapping[str, Probe]:
        spec, path = self._spec, self._spec.work_dir / probes_file(task)
        if path.exists() and spec.resume:
            return load_probes(path)
        screen = spec.screen
        probes = capture_probes(
            evaluator.runner,
            evaluator.settings.branches,
            screen.samples,
            spec.search.seed,
            screen.side,
            evaluator.settings.keys,
            self._begin(),
            self._observer.say,
        )
        with written(spec.work_dir):
            save_probes(probes, path)
        return probes

    def _begin(self) -> Begin | None:
        trunk = self._history.trunk(self._spec.search.seed)
        if self._spec.proxy.trunk is None or trunk is None:
            return None
        saved = trunk.required_outcome.saved
        return Begin(Trunks(self._spec.proxy.trunk.folder).load(saved)) if saved else None
