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
            if trunk is None or trunk.state is State.FAILED:
                return Role.TRUNK
            if trunk.state is State.COMPLETE:
                return stage.role
        return None

    def make(self, history: History) -> Trial | None:
        """The trunk that is missing first; None where none is."""
        for stage in self._stages:
            if not (stage.is_due(history, 0.0) or stage.is_due(history, float('inf'))):
                continue
            begins = stage.begins(history)
            trunk = history.trunk(*begins) if begins else None
            if begins and (trunk is None or trunk.state is State.FAILED):
                seed, times = begins
                return Trial(
                    len(history),
                    Role.TRUNK,
                    seed,
                    origin='hand-made',
                    times=times,
                    settled_before=len(history.settled()),
                )
        return None


def continued(trial: Trial | None, history: History) -> Trial | None:
    """The trial with the trunk that it continues."""
    if trial is None:
        return None
    trunk = history.trunk(trial.seed, trial.times)
    return trial if trunk is None else replace(trial, begin=trunk.required_outcome.saved)
