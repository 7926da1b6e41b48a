"""Settings of the proxy evaluation of a candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from mmengine.utils import import_modules_from_strings
from torch import Tensor

from mmautoloss.branches import Branch
from mmautoloss.errors import SetupError
from mmautoloss.proxy.interim import Interim
from mmautoloss.proxy.leg import Leg
from mmautoloss.proxy.trunk import Trunk


@dataclass(frozen=True)
class ProxySettings:
    """How a candidate is evaluated; plain values that can be sent to a worker process.

    Attributes:
        config: The search config, as a plain dict.
        branches: The searched losses.
        schedule: ``train_cfg`` of a proxy.
        metric: Key of the monitored value in the result of the validation; keys joined by + for the mean of several;
            '' for the first of the results.
        greater: Whether a higher value is better.
        invalid_stop: Number of first iterations in which a NaN or Inf ends a training; None for all, 0 for none.
        work_dir: Folder for the files of MMEngine.
        cache: Bytes of samples that this process may cache in memory; 0 for none. The cache changes no score.
        rung: Point of a training at which to validate once more, as a share or a number of its iterations; None for no
            rung.
        trials: Folder with a subfolder for the log and predictions of each trial; '' for none.
        pictures: Number of validation images whose predictions are kept there; 0 for none.
        prove: Whether the beginning of the first training of a process is repeated afterwards, to check that no state
            leaks.
        schedulers: ``param_scheduler`` in place of that of the config; None for that one. ``Role.PLAIN`` has that of the
            config in any case.
        trunk: The trunk that candidates continue; None if they begin as the config says.
        leg: The legs of a relay, of which each candidate is one; None in any other search.
        checkpoint: File of a trained model with which they begin; '' for none.
        interim: How often a training is saved while it runs, to go on from there if it is killed; None for never.
        task: Name of the task; '' in a search of one.
        tasks: How a candidate is evaluated in each of several tasks; the other attributes are then those of the first, and
            ``metric`` names the score that joins them. Empty in a search of one.
    """

    config: Mapping[str, Any]
    branches: tuple[Branch, ...]
    schedule: Mapping[str, Any]
    metric: str
    greater: bool
    invalid_stop: int | None
    work_dir: str
    cache: int = 0
    rung: float | None = None
    trials: str = ''
    pictures: int = 0
    prove: bool = False
    schedulers: Any = None
    trunk: Trunk | None = None
    leg: Leg | None = None
    checkpoint: str = ''
    interim: Interim | None = None
    task: str = ''
    tasks: tuple[ProxySettings, ...] = ()

    def everywhere(self, **values: Any) -> ProxySettings:
        """The same with other values, also in each task."""
        return replace(self, tasks=tuple(replace(task, **values) for task in self.tasks), **values)

    @property
    def saved_folder(self) -> str:
        """The folder of the saved trainings that others continue; '' for none."""
        kept = self.trunk or self.leg
        return kept.folder if kept else ''

    def import_modules(self) -> None:
        """Imports the modules in ``custom_imports`` of the config; in a worker process, no config file did so.

        Raises:
            ImportError: A module cannot be imported.
        """
        imports = self.config.get('custom_imports')
        if imports:
            import_modules_from_strings(**imports)

    @property
    def steps(self) -> int | None:
        """The steps of a whole training: iterations, or epochs of one by epochs; None where its schedule says neither."""
        return self.schedule.get('max_iters') or self.schedule.get('max_epochs')

    @property
    def trunk_share(self) -> float:
        """The share of a training that candidates leave to the trunk; 0 where there is none."""
        return self.trunk.steps / self.steps if self.trunk and self.steps else 0.0

    @property
    def keys(self) -> list[str]:
        """The keys of the monitored values."""
        return self.metric.split('+') if self.metric else []

    def value(self, metrics: Mapping[str, float]) -> float:
        """The monitored value.

        Raises:
            MissingMetric: It is not among the results.
        """
        keys = self.keys or list(metrics)[:1]
        missing = [key for key in keys if key not in metrics]
        if missing or not keys:
            keys_text = ', '.join(map(repr, missing)) or 'value'
            raise MissingMetric(f'The validation gave no {keys_text}, only: {", ".join(metrics) or "nothing"}.')
        return sum(metrics[key] for key in keys) / len(keys)


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The results of a validation that are numbers; others, such as a confusion matrix or a text, are left out."""
    values = {key: _single(value) for key, value in metrics.items()}
    return {key: float(value) for key, value in values.items() if isinstance(value, Real)}


def _single(value: Any) -> Any:
    """The element of an array or tensor with a single one; any other value unchanged."""
    if isinstance(value, Tensor):
        return value.item() if value.numel() == 1 else value
    return value.item() if isinstance(value, (np.ndarray, np.generic)) and value.size == 1 else value


class MissingMetric(SetupError):
    """The monitored value is not among the results of the validation."""
