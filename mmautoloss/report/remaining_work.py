"""The trainings that a search still needs."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any, NamedTuple

from mmautoloss.search import (
    Budget,
    Relay,
    confirmations_left,
    finalist_trainings_left,
    relay_of,
    seeds_left,
    trainings_left,
    trunks_left,
)
from mmautoloss.trial import CANDIDATE_ROLES, Record, Role, State, Trial

OF_TRUNKS = (Role.TRUNK, Role.PLAIN, Role.LEG)
"""Trainings that are of another length than that of a candidate, such as the legs of a relay."""


class WorkLeft(NamedTuple):
    """The trainings to come, including the running ones; as many as there can be.

    Attributes:
        counts: Their number by kind.
        candidates: Total length of the candidates; their number, unless they are legs of a relay.
        others: Total length of all others, as a multiple of that of a candidate.
    """

    counts: Mapping[str, int]
    candidates: float
    others: float


class Lengths:
    """Lengths of trainings as multiples of that of a candidate, in a relay as multiples of a whole training.

    Args:
        trained: All that were trained.
        relay: The generations of a relay, of which each is an equal part of a training as long as none was trained.
    """

    def __init__(self, trained: list[Trial], relay: Relay | None = None) -> None:
        self.seconds = _seconds([trial for trial in trained if trial.times == 1 and trial.role not in OF_TRUNKS])
        expected = {Role.LEG: 1 / relay.generations} if relay else {}
        self._of_trunks = {
            role: self._measured([t for t in trained if t.role is role], expected.get(role, 1.0)) for role in OF_TRUNKS
        }

    @classmethod
    def planned(cls, trunk: float, plain: float, leg: float) -> Lengths:
        """The lengths of trunks, whole trainings with the hand-made losses, and legs, before any was trained."""
        lengths = cls([])
        lengths._of_trunks = {Role.TRUNK: trunk, Role.PLAIN: plain, Role.LEG: leg}
        return lengths

    def of(self, role: Role, times: float = 1) -> float:
        """The length of a training; that of a trunk or a leg is measured, and expected before it can be."""
        return times * self._of_trunks.get(role, 1.0)

    def _measured(self, trials: list[Trial], expected: float) -> float:
        seconds = _seconds(trials)
        return seconds / self.seconds if seconds and self.seconds else expected


def work_left(record: Record, elapsed: float, lengths: Lengths) -> WorkLeft | None:
    """The trainings that a search still needs; None where its budget is unknown.

    Args:
        record: The content of its journal.
        elapsed: Seconds of search so far.
        lengths: Lengths of its trainings.
    """
    written = record.sessions[-1].budget if record.sessions else {}
    if 'max_trials' not in written:
        return None
    over, budget = record.ended == 'done', Budget.recorded(written)  # it may end before its budget is spent
    counts = dict.fromkeys(('baseline', 'candidate', 'finalist', 'confirmation'), 0) if over else {}
    counts = counts or _of_search(record, written, budget, elapsed)
    longer = {} if over else _longer(record, budget, counts)
    others = counts['baseline'] + counts['finalist'] + budget.confirm_times * counts['confirmation']
    others += sum(times * count for times, count in longer.items())
    if budget.funnel:
        counts['longer'] = sum(longer.values())
    if _has_trunks(record):
        trunks = {} if over else trunks_left(record.history, budget, counts, longer)
        counts |= {'trunk': sum(trunks.values()), 'plain': 0 if over else _plain(record, budget)}
        others += sum(lengths.of(Role.TRUNK, times) * count for times, count in trunks.items())
        others += lengths.of(Role.PLAIN) * counts['plain']
    return WorkLeft(counts, _of_candidates(record, counts['candidate'], lengths), others)


def _of_candidates(record: Record, count: int, lengths: Lengths) -> float:
    """Total length of the candidates to come; known losses and the last of a relay are whole trainings."""
    relay = relay_of(record.header)
    if relay is None:
        return count
    settled = sum(leg.state is not State.RUNNING for leg in record.history.of_role(Role.LEG))
    legs = min(count, relay.trainings - settled)
    return legs * lengths.of(Role.LEG) + count - legs


def _of_search(record: Record, written: Mapping[str, Any], budget: Budget, elapsed: float) -> dict[str, int]:
    history = record.history
    is_relay = relay_of(record.header) is not None  # in which nothing takes the place of who is not trained
    candidates = [t for t in history.of_role(*CANDIDATE_ROLES) if is_relay or not t.was_spared]
    settled = sum(trial.state is not State.RUNNING for trial in candidates)
    running = len(candidates) - settled
    total = max(budget.max_trials, len(record.header.get('seeds') or ()))  # known losses are trained in any case
    candidates_left = max(total - settled, running)
    if budget.is_out_of_time(elapsed):
        candidates_left = running
    candidates_left += seeds_left(history, budget)
    return {
        'baseline': max(0, 1 + written.get('baseline_repeats', 0) - len(history.baseline_scores())),
        'candidate': candidates_left,
        'finalist': finalist_trainings_left(history, budget, not candidates_left),
        'confirmation': confirmations_left(history, budget, not candidates_left),
    }


def _longer(record: Record, budget: Budget, left: Mapping[str, int]) -> dict[float, int]:
    """Remaining trainings of the funnel by length."""
    if budget.funnel is None:
        return {}
    known = len(record.header.get('seeds') or ())
    return trainings_left(record.history, budget.funnel, known, search_over=not left['candidate'])


def _has_trunks(record: Record) -> bool:
    begin = record.header.get('begin')
    return begin is not None and 'sha256' not in begin and 'generations' not in begin


def _plain(record: Record, budget: Budget) -> int:
    """Remaining trainings of the hand-made losses from begin to end, which a trunk with a held rate is compared with."""
    begin = record.header['proxy']['begin']
    if isinstance(begin, Mapping) and begin.get('rate', 'held') != 'held':
        return 0
    return max(0, 1 + budget.baseline_repeats - sum(_is_scored(t) for t in record.history.of_role(Role.PLAIN)))


def _is_scored(trial: Trial) -> bool:
    return trial.score is not None


def _seconds(trials: list[Trial]) -> float | None:
    """Median duration of those that have a score, for the length of a candidate."""
    seconds = [trial.required_outcome.seconds / trial.times for trial in trials if trial.state is State.COMPLETE]
    return median(seconds) if seconds else None
