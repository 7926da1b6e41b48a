"""The screens of a search, calibrated on probes of the model with which candidates begin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.config.writing import written
from mmautoloss.proxy import Begin, ProxyEvaluator, Trunks, capture_probes
from mmautoloss.report import ConsoleObserver
from mmautoloss.screen import Probe, Screen, calibrate, load_probes, require_calibrated, save_probes
from mmautoloss.trial import History


class Screens(Mapping[str, Screen]):
    """The screens by branch, built when they are first needed: where candidates continue a trunk, that comes before.

    Args:
        spec: The search.
        evaluator: Has the model and the data.
        history: Its trials, with the trunk.
        observer: Prints the calibration.
    """

    def __init__(
        self, spec: SearchSpec, evaluator: ProxyEvaluator, history: History, observer: ConsoleObserver
    ) -> None:
        self._spec = spec
        self._evaluator = evaluator
        self._history = history
        self._observer = observer
        self._screens: dict[str, Screen] | None = None

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
            spec, probes, hand_made = self._spec, self._probes(), self._evaluator.hand_made
            calibrations = {
                name: calibrate(spec.screen.test, probe, hand_made[name]) for name, probe in probes.items()
            }
            require_calibrated(calibrations, spec.screen.test)
            self._observer.calibrated(calibrations, spec.screen.test.eta)
            self._screens = spec.screen.build(probes, hand_made)
        return self._screens

    def _probes(self) -> Mapping[str, Probe]:
        spec, path = self._spec, self._spec.work_dir / 'probes.pt'
        if path.exists() and spec.resume:
            return load_probes(path)
        screen = spec.screen
        probes = capture_probes(
            self._evaluator.runner,
            spec.branches,
            screen.samples,
            spec.search.seed,
            screen.side,
            spec.proxy.keys,
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
