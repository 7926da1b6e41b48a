"""Whether short trainings say which losses are better in long ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from mmautoloss.trial import History, Role, State, Trial

CHANCES = (0.025, 0.975)
"""Ends of the interval, as quantiles of the bootstrap."""


class Pair(NamedTuple):
    """One candidate, trained for a short while and for long.

    Attributes:
        trial: Its number.
        short: Score of the search, higher is better.
        long: Score of the long training, with the same seed; None where it failed.
    """

    trial: int
    short: float
    long: float | None

    @property
    def required_long(self) -> float:
        """Its long score, for those who know that it did not fail."""
        if self.long is None:
            raise ValueError(f'The long training of trial {self.trial} failed.')
        return self.long


@dataclass(frozen=True)
class Correlation:
    """Everything that ``mmautoloss correlate`` shows; the keys of ``--json``.

    Attributes:
        times: How many times as long the long trainings are.
        pairs: The candidates, best in the short training first.
        failed: Of these, those whose long training failed; they are in no number below.
        tau: Kendall's tau-b of short and long scores; None for fewer than two candidates or equal scores.
        tau_range: 95 % interval of tau (bootstrap over candidates); None where unknown.
        best_kept: Of the best few in the short trainings, the share that is among the best few in the long ones.
        few: How many the best few are: a quarter, at least one.
        regret: By how much the best of the long trainings is above the long score of the best of the short ones.
        hand_made: The hand-made losses, which are in no number above; None where they were not trained.
        above: How many candidates are better than these in the short training.
        stay_above: How many of those still are in the long one.
    """

    times: float
    pairs: tuple[Pair, ...]
    failed: int
    tau: float | None
    tau_range: tuple[float, float] | None
    best_kept: float | None
    few: int
    regret: float | None
    hand_made: Pair | None = None
    above: int | None = None
    stay_above: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The facts in types of JSON."""
        return asdict(self)


def choose_spread(history: History, count: int) -> list[Trial]:
    """Candidates that lie evenly over the ranks by score, the best and the worst among them.

    Only such as were trained themselves are taken: two equal losses would count twice.
    """
    trained = [t for t in history.of_role(Role.KNOWN, Role.SEARCH) if t.state is State.COMPLETE]
    ranked = sorted(trained, key=lambda trial: (-trial.required_score, trial.number))
    if count >= len(ranked):
        return ranked
    places = [round(i * (len(ranked) - 1) / max(1, count - 1)) for i in range(count)]
    return [ranked[place] for place in dict.fromkeys(places)]


def correlation_of(
    pairs: Sequence[Pair], times: float, hand_made: Pair | None = None, draws: int = 2000, seed: int = 0
) -> Correlation:
    """How well the short scores predict the long ones.

    Args:
        pairs: The candidates.
        times: How many times as long the long trainings are.
        hand_made: The hand-made losses, trained alike.
        draws: Samples of the bootstrap.
        seed: Of the bootstrap.
    """
    bar = hand_made if hand_made is not None and hand_made.long is not None else None
    ranked = tuple(sorted(pairs, key=lambda pair: (-pair.short, pair.trial)))
    scored = [pair for pair in ranked if pair.long is not None]
    few = max(1, round(len(scored) / 4))
    by_long = sorted(scored, key=lambda pair: (-pair.required_long, pair.trial))
    above = [pair for pair in scored if bar is not None and pair.short > bar.short]
    kept = {pair.trial for pair in scored[:few]} & {pair.trial for pair in by_long[:few]}
    tau = kendall(scored)
    return Correlation(
        times=times,
        pairs=ranked,
        failed=len(ranked) - len(scored),
        tau=tau,
        tau_range=None if tau is None else _bootstrap(scored, draws, seed),
        best_kept=len(kept) / few if scored else None,
        few=few,
        regret=by_long[0].required_long - scored[0].required_long if scored else None,
        hand_made=hand_made,
        above=None if bar is None else len(above),
        stay_above=None if bar is None else sum(pair.required_long > bar.required_long for pair in above),
    )


def kendall(pairs: Sequence[Pair]) -> float | None:
    """Kendall's tau-b (Kendall, 1945); None where it is not defined.

    Example:
        >>> kendall([Pair(1, 0.3, 0.9), Pair(2, 0.2, 0.8), Pair(3, 0.1, 0.85)])
        0.3333333333333334
    """
    from scipy.stats import kendalltau

    short, long = [pair.short for pair in pairs], [pair.long for pair in pairs]
    if len(set(short)) < 2 or len(set(long)) < 2:
        return None
    return round(float(kendalltau(short, long).statistic), 16)


def _bootstrap(pairs: Sequence[Pair], draws: int, seed: int) -> tuple[float, float] | None:
    rng = random.Random(seed)
    found = [kendall(rng.choices(pairs, k=len(pairs))) for _ in range(draws)]
    values = sorted(value for value in found if value is not None)
    if not values:
        return None
    low, high = (values[min(len(values) - 1, int(chance * len(values)))] for chance in CHANCES)
    return low, high
