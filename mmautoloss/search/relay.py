"""A relay: one training in generations, each from the weights that the best candidate of the one before left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, pstdev
from typing import Any

from mmautoloss.checks import require_whole
from mmautoloss.trial import History, Role, Saved, Trial


@dataclass(frozen=True)
class Relay:
    """The generations of a relay, which are functions of its history.

    Attributes:
        generations: Their number; together they are one whole training.
        candidates: Candidates of each.

    Raises:
        SetupError: A number is too small.
    """

    generations: int
    candidates: int

    def __post_init__(self) -> None:
        require_whole('proxy.begin.generations', self.generations, 2)
        require_whole('proxy.begin.candidates', self.candidates, 2)

    @property
    def trainings(self) -> int:
        """Number of legs: candidates of all generations."""
        return self.generations * self.candidates

    def complete(self, history: History) -> list[list[Trial]]:
        """The candidates of each generation that has settled, of which each begins only after the one before."""
        legs = history.of_role(Role.LEG)
        chunks = [legs[place : place + self.candidates] for place in range(0, len(legs), self.candidates)]
        return [chunk for chunk in chunks if len(chunk) == self.candidates and all(leg.outcome for leg in chunk)]

    def current(self, history: History) -> list[Trial]:
        """The candidates so far of the generation that has not settled."""
        return history.of_role(Role.LEG)[self.candidates * len(self.complete(history)) :]

    def winners(self, history: History) -> list[Trial | None]:
        """The best candidate of each generation that has settled; None where none has a score."""
        return [best_of(generation) for generation in self.complete(history)]

    def begin(self, history: History) -> Saved | None:
        """The weights from which the next generation begins: those of the last winner; None for new weights.

        A generation without a score leaves the weights where they are.
        """
        winner = next((winner for winner in reversed(self.winners(history)) if winner), None)
        return winner.required_outcome.saved if winner else None

    def kept(self, history: History) -> list[Saved]:
        """The saved trainings that are still needed: where the present generation begins, and the best of it so far."""
        best = best_of(self.current(history))
        saved = (self.begin(history), best.required_outcome.saved if best else None)
        return [each for each in saved if each]


def relay_of(header: Mapping[str, Any]) -> Relay | None:
    """The relay of a journal, by its first event; None in any other search."""
    begin = header.get('begin') or {}
    return Relay(begin['generations'], begin['candidates']) if 'generations' in begin else None


def best_of(generation: Sequence[Trial]) -> Trial | None:
    """The candidate with the highest score, the first among equals; None where none has one."""
    scored = [leg for leg in generation if leg.score is not None]
    return max(scored, key=lambda leg: (leg.required_score, -leg.number), default=None)


def seen_by_strategy(history: History, relay: Relay) -> History:
    """A relay as a strategy sees it: legs are its candidates, and no other trial is.

    Scores of different generations are those of trainings of different length, and not comparable. So each counts by its
    distance from the mean of its generation, in standard deviations, and a generation counts once all of it has settled, in
    the order of its numbers: whichever worker was the first, the next generation is the same.

    Args:
        history: All trials.
        relay: The relay.
    """
    seen = History()
    for trial in history:
        is_leg = trial.role is Role.LEG
        seen.add(replace(trial, role=Role.SEARCH if is_leg else Role.PLAIN, repeats=None, funnel={}, outcome=None))
    for generation in relay.complete(history):
        scores = [leg.required_score for leg in generation if leg.score is not None]
        middle, spread = (fmean(scores), pstdev(scores)) if scores else (0.0, 0.0)
        for leg in generation:
            standard = (leg.score - middle) / (spread or 1.0) if leg.score is not None else None
            seen.settle(leg.number, replace(leg.required_outcome, score=standard))
    return seen
