"""The scores of a search whose seeds have chosen nothing."""

from __future__ import annotations

from dataclasses import dataclass

from mmautoloss.trial import History, Role, State, Trial


@dataclass(frozen=True)
class Fresh:
    """Losses that were trained with fresh seeds.

    Attributes:
        trial: The trial whose losses they are: the first one of the hand-made losses, a known or a searched one.
        scores: Scores by seed, higher is better.
        failed: Number of seeds with which the training failed.
        times: Length of these trainings, as a multiple of that of a candidate.
    """

    trial: Trial
    scores: dict[int, float]
    failed: int
    times: float


@dataclass(frozen=True)
class Confirmation:
    """What is compared at the end of a search.

    Attributes:
        hand_made: The hand-made losses; None before their first training with a fresh seed.
        rival: The best known loss; None where there is none.
        winner: The best found losses.
    """

    hand_made: Fresh | None
    rival: Fresh | None
    winner: Fresh


def confirmation_of(history: History) -> Confirmation | None:
    """The trainings with fresh seeds; None where the search has none of its winner.

    Args:
        history: All trials. Where a search went on and chose another winner, the last one counts.
    """
    winner = history.confirmed()
    if winner is None:
        return None
    latest = [trial for trial in history.of_role(Role.CONFIRM) if trial.repeats == winner.number][-1]
    of_role = {role: _latest(history, role, latest.times) for role in (Role.BASELINE, Role.KNOWN)}
    return Confirmation(of_role[Role.BASELINE], of_role[Role.KNOWN], _fresh(history, winner, latest.times))


def _latest(history: History, role: Role, times: float) -> Fresh | None:
    """The losses of a role that were last trained with fresh seeds."""
    numbers = [trial.repeats for trial in history.of_role(Role.CONFIRM) if trial.times == times]
    repeated = [history[number] for number in numbers if number is not None and history[number].role is role]
    return _fresh(history, repeated[-1], times) if repeated else None


def _fresh(history: History, trial: Trial, times: float) -> Fresh:
    runs = history.confirmations(trial.number, times)
    scores = {seed: run.score for seed, run in runs.items() if run.score is not None}
    return Fresh(trial, scores, sum(run.state is State.FAILED for run in runs.values()), times)
