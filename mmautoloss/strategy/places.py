"""The order of settled candidates, also of those without a score."""

from __future__ import annotations

from mmautoloss.trial import History, State, Trial


def place_of(trial: Trial, history: History) -> tuple[float, float]:
    """What orders candidates, the best lowest: by their scores; then those stopped at the rung; last those that failed."""
    if trial.score is not None:
        return 0.0, -history.estimate(trial.number)
    rung = trial.required_outcome.rung
    return (2.0, 0.0) if trial.state is State.FAILED or rung is None else (1.0, -rung)
