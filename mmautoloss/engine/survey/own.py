"""A survey by the process of the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mmautoloss.branches import find_losses
from mmautoloss.engine.config.writing import written
from mmautoloss.engine.survey.survey import Capture, Say, Survey
from mmautoloss.execute.gpu_checks import describe_gpus
from mmautoloss.proxy import (
    Begin,
    ProxyEvaluator,
    Trunks,
    capture_probes,
    hooks_of,
    require_fitting,
    require_metric,
    untrained_value,
)
from mmautoloss.screen import save_probes
from mmautoloss.trial import Saved


class OwnSurvey(Survey):
    """A survey by this process.

    Args:
        evaluators: The evaluators by task.
    """

    def __init__(self, evaluators: Mapping[str, ProxyEvaluator]) -> None:
        self._evaluators = evaluators
        self._first: dict[str, Mapping[str, float]] = {}

    def look(self, say: Say) -> None:
        """Names the GPUs that are visible."""
        for line in describe_gpus():
            say(line)

    def check(self, task: str, say: Say, others: Sequence[str] = ()) -> None:
        """Builds all, and validates once untrained."""
        evaluator = self._evaluators[task]
        settings = evaluator.settings
        if settings.checkpoint:
            require_fitting(evaluator.runner.bare_model, settings.checkpoint)
        self._first[task] = require_metric(evaluator, others)
        if evaluator.kept:
            say(evaluator.kept)
        gone = hooks_of(settings.config).gone
        if gone:
            say(f'hooks that candidates are trained without, since they only write or draw: {", ".join(gone)}')
        searched = {branch.path for branch in settings.branches}
        for loss in find_losses(evaluator.runner.model):
            say(f'{"searched" if loss.path in searched else "kept as it is"}: {loss.path} ({loss.loss})')

    def untrained(self, task: str) -> float | None:
        """The value of the metric without training; None for one of several tasks, whose scores are gains."""
        return None if task else untrained_value(self._evaluators[task], self._first[task])

    def capture(self, task: str, capture: Capture, say: Say) -> None:
        """Captures the probes, and saves them."""
        evaluator = self._evaluators[task]
        settings, saved = evaluator.settings, Saved.from_json(capture.saved)
        begin = Begin(Trunks(settings.trunk.folder).load(saved)) if settings.trunk and saved else None
        probes = capture_probes(
            evaluator.runner,
            settings.branches,
            capture.samples,
            capture.seed,
            capture.side,
            settings.keys,
            begin,
            say,
        )
        path = Path(capture.path)
        with written(path.parent):
            save_probes(probes, path)
