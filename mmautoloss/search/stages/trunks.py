"""The trunks that other trials continue."""

from __future__ import annotations

from dataclasses import replace

from mmautoloss.search.settings import SearchSettings
from mmautoloss.search.stages.stage import Stage
from mmautoloss.trial import History, Role, State, Trial


class Trunks:
    """Trains the hand-made losses to the point from which other trials go on, once for each seed and length.

    A trunk that fails ends the search if it is one of the hand-made losses' own seeds, so that a resumed search trains it
    again. A later one fails for good, with the trials that would continue it.

    Args:
        settings: Settings of the search.
        stages: The stages whose trials begin at a trunk, in their order.
    """

    def __init__(self, settings: SearchSettings, stages: tuple[Stage, ...]) -> None:
        self._settings = settings
        self._stages = stages

    def next(self, history: History, elapsed: float) -> Trial | None:
        """The next trial: of the first stage that is due, with its trunk, or that trunk where it is missing.

        While a trunk is trained, a later stage may go on; None where all wait.
        """
        for stage in self._stages:
            if not stage.is_due(history, elapsed):
                continue
            begins = stage.begins(history)
            if begins is None:
                return stage.make(history)
            trunk = history.trunk(*begins)
            if self._is_missing(trunk):
                return _trunk(history, *begins)
            if trunk and trunk.outcome:
                trial = stage.make(history)
                return self._with_trunk(trial, history) if trial else None
        return None

    def _with_trunk(self, trial: Trial, history: History) -> Trial | None:
        """A trial with the trunk that it continues, without one if that has failed.

        That trunk itself where it is missing, since the trial has another seed than the stage expected; None while it is
        trained.
        """
        trunk = history.trunk(trial.seed, trial.times)
        if self._is_missing(trunk):
            return _trunk(history, trial.seed, trial.times)
        return replace(trial, begin=trunk.outcome.saved) if trunk and trunk.outcome else None

    def _is_missing(self, trunk: Trial | None) -> bool:
        return trunk is None or (trunk.state is State.FAILED and is_essential(trunk, self._settings))


def is_essential(trunk: Trial, settings: SearchSettings) -> bool:
    """Whether the trials of the hand-made losses and of the candidates continue a trunk."""
    return trunk.times == 1 and 0 <= trunk.seed - settings.seed <= settings.budget.baseline_repeats


def _trunk(history: History, seed: int, times: float) -> Trial:
    before = len(history.settled())
    return Trial(len(history), Role.TRUNK, seed, origin='hand-made', times=times, settled_before=before)
