"""The rounds of the funnel over lengths, as far as a history has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean

from mmautoloss.search.funnel import Funnel, FunnelStage
from mmautoloss.search.settings import Budget
from mmautoloss.trial import History, Role, State, Trial


@dataclass(frozen=True)
class Entrant:
    """A loss in a round.

    Attributes:
        first: Its training in the search, of the length of a candidate.
        runs: Its trainings in this round, one a seed, by number.
    """

    first: Trial
    runs: tuple[Trial, ...]

    @property
    def scores(self) -> list[float]:
        """Scores of this round, one a seed that did not fail."""
        return [run.score for run in self.runs if run.score is not None]

    @property
    def mean(self) -> float | None:
        """Mean of these scores; None where there is none."""
        return mean(self.scores) if self.scores else None

    @property
    def failed(self) -> bool:
        """Whether one of its trainings has failed."""
        return any(run.state is State.FAILED for run in self.runs)


@dataclass(frozen=True)
class FunnelRound:
    """A stage of the funnel with its trainings.

    Attributes:
        number: Position in the funnel, from 1.
        of: Number of stages of the funnel.
        stage: Its settings.
        found: The found losses in it, best of the length before first.
        rivals: The losses beside them: the hand-made ones, then known ones.
    """

    number: int
    of: int
    stage: FunnelStage
    found: tuple[Entrant, ...]
    rivals: tuple[Entrant, ...]

    @property
    def entrants(self) -> tuple[Entrant, ...]:
        """All losses."""
        return *self.rivals, *self.found

    @property
    def wanted(self) -> int:
        """Number of its trainings."""
        return self.stage.seeds * len(self.entrants)

    @property
    def settled(self) -> int:
        """Number of its trainings that are over."""
        return sum(run.state is not State.RUNNING for entrant in self.entrants for run in entrant.runs)

    @property
    def is_over(self) -> bool:
        """Whether all its trainings are over."""
        return self.settled == self.wanted

    @property
    def is_last(self) -> bool:
        """Whether it is over and no other follows: it has the greatest length, or no found loss holds."""
        return self.is_over and (self.number == self.of or not self.held)

    @property
    def best_rival(self) -> Entrant | None:
        """The loss whose mean is the bar; None where no rival has a score."""
        return next(iter(_ranked(self.rivals)), None)

    @property
    def held(self) -> list[Entrant]:
        """Found losses that hold so far, best first: none of their trainings failed, and their mean is above the bar."""
        rival = self.best_rival
        bar = float('-inf') if rival is None or rival.mean is None else rival.mean
        return [each for each in _ranked(self.found) if each.mean is not None and each.mean > bar and not each.failed]

    def due(self) -> tuple[Trial, int] | None:
        """The loss whose training is next and the offset of its seed; None where all have begun.

        All losses have a seed before the next one begins, so that early scores can be compared.
        """
        entrant = min(self.entrants, key=lambda each: len(each.runs))
        return (entrant.first, len(entrant.runs)) if len(entrant.runs) < self.stage.seeds else None


def funnel_rounds(history: History, funnel: Funnel | None) -> list[FunnelRound]:
    """The rounds that can have begun, of which only the last may not be over; none without a found loss.

    Args:
        history: All trials.
        funnel: Settings of the funnel; None for none.
    """
    rounds: list[FunnelRound] = []
    if funnel is None:
        return rounds
    found = history.best_found(funnel.stages[0].keep)
    known = history.best_known(funnel.rivals)
    hand_made = [trial for trial in history.of_role(Role.BASELINE) if trial.state is State.COMPLETE][:1]
    for number, stage in enumerate(funnel.stages, start=1):
        if not found:
            break
        rivals = [*hand_made, *known[: funnel.rivals]]
        entered = [[_entrant(history, trial, stage) for trial in trials] for trials in (found[: stage.keep], rivals)]
        latest = FunnelRound(number, len(funnel.stages), stage, *map(tuple, entered))
        rounds.append(latest)
        if not latest.is_over:
            break
        found = [entrant.first for entrant in latest.held]
        known = _known(latest)
    return rounds


def holding(rounds: Sequence[FunnelRound]) -> list[Trial]:
    """The found losses that hold at the greatest length, best first; none before the funnel is over."""
    if not rounds or not rounds[-1].is_last:
        return []
    return [entrant.first for entrant in rounds[-1].held]


def survivors(history: History, budget: Budget) -> list[Trial]:
    """The found losses that have come through the funnel, best first; none if all have fallen, or it is not over."""
    return holding(funnel_rounds(history, budget.funnel))


def best_known(history: History, budget: Budget) -> Trial | None:
    """The best known loss of the last round; None where there is none."""
    rounds = funnel_rounds(history, budget.funnel)
    known = _known(rounds[-1]) if rounds else []
    return known[0] if known else None


def best_losses(history: History, funnel: Funnel | None, count: int) -> list[Trial]:
    """The best found losses: those that hold in the funnel, then others by their mean score in the search.

    Args:
        history: All trials.
        funnel: Settings of the funnel; None for none.
        count: Their number, unless more hold.
    """
    held = holding(funnel_rounds(history, funnel))
    numbers = {trial.number for trial in held}
    others = [trial for trial in history.ranking(count) if trial.number not in numbers]
    return [*held, *others][: max(count, len(held))]


def trainings_left(history: History, funnel: Funnel, known: int, search_over: bool) -> dict[float, int]:
    """The largest number of trainings that the funnel still needs, by length; losses that fall make it smaller.

    Args:
        history: All trials.
        funnel: Settings of the funnel.
        known: Number of known losses of the search.
        search_over: Whether all candidates have settled.
    """
    rounds = funnel_rounds(history, funnel) if search_over else []
    left = {each.stage.times: each.wanted - each.settled for each in rounds}
    found = 0 if search_over else funnel.stages[0].keep
    if rounds:
        found = len(rounds[-1].held if rounds[-1].is_over else rounds[-1].found)
    for stage in funnel.stages[len(rounds) :]:
        found = min(found, stage.keep)
        left[stage.times] = stage.seeds * (found + 1 + min(known, funnel.rivals)) if found else 0
    return left


def _entrant(history: History, trial: Trial, stage: FunnelStage) -> Entrant:
    return Entrant(trial, tuple(history.longer(trial.number, stage.times)[: stage.seeds]))


def _known(latest: FunnelRound) -> list[Trial]:
    """The known losses of a round, best first."""
    return [each.first for each in _ranked(latest.rivals) if each.first.role is Role.KNOWN]


def _ranked(entrants: Iterable[Entrant]) -> list[Entrant]:
    """Those with a score, best first; the oldest first among equals."""
    scored = [(-each.mean, each.first.number, each) for each in entrants if each.mean is not None]
    return [each for _, _, each in sorted(scored, key=lambda row: row[:2])]
