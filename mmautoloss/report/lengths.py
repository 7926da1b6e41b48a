"""The stages of the funnel over lengths, as people see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import stdev
from typing import Any

from mmautoloss.report.labels import HAND_MADE, label_of
from mmautoloss.search import Entrant, FunnelRound, funnel_rounds, read_funnel
from mmautoloss.trial import History, Role, Scale


@dataclass(frozen=True)
class LengthScore:
    """A loss and its scores at one length, as the metric reports them.

    Attributes:
        losses: ``hand-made``, or its first trial and the names of known losses.
        trial: Number of its first trial.
        kind: ``hand-made``, ``known`` or ``found``.
        scores: One score for each seed that did not fail.
        mean: Mean of the scores; None where there is none.
        spread: Standard deviation of the scores; None for fewer than two.
        fate: Of a found loss ``holds``, ``falls`` or ``open``; '' of the others.
    """

    losses: str
    trial: int
    kind: str
    scores: tuple[float, ...]
    mean: float | None
    spread: float | None
    fate: str


@dataclass(frozen=True)
class Length:
    """A stage of the funnel that has begun, or is next.

    Attributes:
        stage: Position in the funnel, from 1.
        of: Number of stages of the funnel.
        times: Length of its trainings as a multiple of that of a candidate.
        wanted: Number of its trainings.
        settled: Number of those that are over.
        last: Whether it is over and no other follows.
        scores: The hand-made losses, the known ones and the found ones.
        bar: The best mean of the hand-made and the known losses; None where none has a score.
        held: Numbers of the found losses that hold, best first; empty until it is over.
    """

    stage: int
    of: int
    times: float
    wanted: int
    settled: int
    last: bool
    scores: tuple[LengthScore, ...]
    bar: float | None
    held: tuple[int, ...]

    def best(self, *kinds: str, sign: int = 1) -> LengthScore | None:
        """The best loss of these kinds, the oldest among equals; None where none has a score.

        Args:
            *kinds: Kinds of losses.
            sign: 1 where higher values of the metric are better, else -1.
        """
        scored = [(sign * each.mean, -each.trial, each) for each in self.scores if each.mean is not None]
        return max((row for row in scored if row[2].kind in kinds), key=lambda row: row[:2], default=(0, 0, None))[2]

    def of_trial(self, number: int) -> LengthScore:
        """The loss whose first trial has this number."""
        return next(each for each in self.scores if each.trial == number)

    def text(self) -> str:
        """Where the funnel is.

        Example:
            >>> Length(2, 2, 10, 15, 5, False, (), None, ()).text()
            'stage 2 of 2 (10x): 5 of 15 trained'
        """
        trained = f'stage {self.stage} of {self.of} ({self.times:g}x): {self.settled} of {self.wanted} trained'
        if self.settled < self.wanted:
            return trained
        found = sum(each.kind == 'found' for each in self.scores)
        return f'{trained}, {len(self.held)} of {found} found losses hold'


def lengths_of(history: History, budget: Mapping[str, Any], scale: Scale) -> tuple[Length, ...]:
    """The stages of the funnel that have begun; none without a funnel.

    Args:
        history: All trials.
        budget: Limits of the search, as its journal has them.
        scale: The metric.
    """
    rounds = funnel_rounds(history, read_funnel(budget.get('funnel')))
    return tuple(_length(each, scale) for each in rounds if any(entrant.runs for entrant in each.entrants))


def _length(each: FunnelRound, scale: Scale) -> Length:
    rival, held = each.best_rival, [entrant.first.number for entrant in each.held]
    return Length(
        stage=each.number,
        of=each.of,
        times=each.stage.times,
        wanted=each.wanted,
        settled=each.settled,
        last=each.is_last,
        scores=tuple(_score(entrant, _fate(entrant, each, held), scale) for entrant in each.entrants),
        bar=scale.shown(rival.mean) if rival else None,
        held=tuple(held) if each.is_over else (),
    )


def _fate(entrant: Entrant, each: FunnelRound, held: Sequence[int]) -> str:
    if entrant.first.role is not Role.SEARCH:
        return ''
    if not each.is_over:
        return 'open'
    return 'holds' if entrant.first.number in held else 'falls'


def _score(entrant: Entrant, fate: str, scale: Scale) -> LengthScore:
    scores = tuple(scale.sign * score for score in entrant.scores)
    return LengthScore(
        losses=label_of(entrant.first),
        trial=entrant.first.number,
        kind={Role.BASELINE: HAND_MADE, Role.KNOWN: 'known'}.get(entrant.first.role, 'found'),
        scores=scores,
        mean=scale.shown(entrant.mean),
        spread=stdev(scores) if len(scores) > 1 else None,
        fate=fate,
    )
