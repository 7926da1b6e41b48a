"""How a candidate is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from mmengine.utils import import_modules_from_strings
from torch import Tensor

from mmautoloss.branches.branch import Branch
from mmautoloss.errors import SetupError


@dataclass(frozen=True)
class ProxySettings:
    """How a candidate is measured; plain values, so that a worker process can be told.

    Attributes:
        config: The search config, as a plain dict.
        branches: The searched losses.
        schedule: ``train_cfg`` of a proxy.
        metric: Key of the monitored value in the validation's result; the mean of several is their keys joined by +;
            '' for the first of the results.
        greater: Whether a higher value is better.
        invalid_stop: Iterations in which NaN and Inf end a training; None for all, 0 for none.
        work_dir: Where MMEngine may put its files.
        cache: Bytes of samples that this process may keep in memory; 0 for none. They change no score.
        rung: Where in a training to validate once more: a share of its iterations, or a number of them; None for nowhere.
        trials: Folder in which each trial has one of its own, for its log and predictions; '' for none.
        pictures: Validation images of which the predictions are kept there; 0 for none.
        prove: Whether the first training of a process is begun again afterwards, to see that it begins in the same way.
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

    def import_modules(self) -> None:
        """Imports what ``custom_imports`` of the config names: a worker process did not read the file, which does it.

        Raises:
            ImportError: That cannot be imported here.
        """
        named = self.config.get('custom_imports')
        if named:
            import_modules_from_strings(**named)

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
            wanted = ', '.join(map(repr, missing)) or 'value'
            raise MissingMetric(f'The validation gave no {wanted}, only: {", ".join(metrics) or "nothing"}.')
        return sum(metrics[key] for key in keys) / len(keys)


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """What of a validation's results is a number; others, such as a confusion matrix or a text, are left out."""
    found = {key: _single(value) for key, value in metrics.items()}
    return {key: float(value) for key, value in found.items() if isinstance(value, Real)}


def _single(value: Any) -> Any:
    """The one element of an array or tensor that has one."""
    if isinstance(value, Tensor):
        return value.item() if value.numel() == 1 else value
    return value.item() if isinstance(value, (np.ndarray, np.generic)) and value.size == 1 else value


class MissingMetric(SetupError):
    """The monitored value is not among the validation's results."""
