"""The trunks that other trials continue."""

from __future__ import annotations

from dataclasses import replace

from mmautoloss.search.stages.stage import Stage
from mmautoloss.trial import History, Role, State, Trial


class Trunks:
    """Trains the hand-made losses to the point from which other trials go on, once for each seed and length.

    Args:
        stages: The stages whose trials begin at a trunk, in their order.
    """

    def __init__(self, stages: tuple[Stage, ...]) -> None:
        self._stages = stages

    def due(self, history: History, elapsed: float) -> Role | None:
        """The role of the next trial: of the first stage that is due and has its trunk, or else a trunk.

        While a trunk is trained, a later stage may go on; None where all wait.
        """
        for stage in self._stages:
            if not stage.is_due(history, elapsed):
                continue
            begins = stage.begins(history)
            if begins is None:
                return stage.role
            trunk = history.trunk(*begins)
            if _is_missing(trunk):
                return Role.TRUNK
            if trunk and trunk.outcome:
                return stage.role
        return None

    def make(self, history: History) -> Trial | None:
        """The trunk that is missing first; None where none is."""
        for stage in self._stages:
            if stage.is_due(history, 0.0) or stage.is_due(history, float('inf')):
                begins = stage.begins(history)
                if begins and _is_missing(history.trunk(*begins)):
                    return _trunk(history, *begins)
        return None

    def before(self, trial: Trial, history: History) -> Trial | None:
        """The trial with the trunk that it continues; that trunk itself where it is missing, None while it is trained."""
        trunk = history.trunk(trial.seed, trial.times)
        if _is_missing(trunk):
            return _trunk(history, trial.seed, trial.times)
        return replace(trial, begin=trunk.outcome.saved) if trunk and trunk.outcome else None


def _is_missing(trunk: Trial | None) -> bool:
    return trunk is None or trunk.state is State.FAILED


def _trunk(history: History, seed: int, times: float) -> Trial:
    before = len(history.settled())
    return Trial(len(history), Role.TRUNK, seed, origin='hand-made', times=times, settled_before=before)
