"""The yardstick of a search of several tasks, fixed by the hand-made losses before any other training."""

from __future__ import annotations

from dataclasses import replace

from mmautoloss.search.stages.stage import Stage
from mmautoloss.trial import History, Role, Trial, Yardstick, unit_of


class Yardsticks:
    """Gives each trial the yardstick by which it is scored.

    The hand-made losses with all their seeds fix it; until these have settled, nothing else begins. Then it never changes,
    also where a search goes on with more seeds of the hand-made losses.

    Args:
        aggregate: How gains in the tasks become a score.
        stages: The stages, of which the first trains the hand-made losses.
    """

    def __init__(self, aggregate: str, stages: tuple[Stage, ...]) -> None:
        self._aggregate = aggregate
        self._stages = stages

    def next(self, history: History, elapsed: float) -> Trial | None:
        """The next trial, of the first stage that is due; None while the hand-made losses are awaited."""
        stage = next((stage for stage in self._stages if stage.is_due(history, elapsed)), None)
        if stage is None or (stage is not self._stages[0] and self._is_awaited(history)):
            return None
        trial = stage.make(history)
        return trial and replace(trial, yardstick=self._yardstick(history, stage))

    def _is_awaited(self, history: History) -> bool:
        return history.yardstick is None and bool(history.running())

    def _yardstick(self, history: History, stage: Stage) -> Yardstick | None:
        if history.yardstick is not None or stage is self._stages[0]:
            return history.yardstick
        settled = [trial for trial in history.of_role(Role.BASELINE) if trial.score is not None]
        values = [trial.required_outcome.tasks for trial in settled]
        return Yardstick(self._aggregate, {task: unit_of([each[task] for each in values]) for task in values[0]})
