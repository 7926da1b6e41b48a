"""Whether short trainings predict which losses are better in long ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from mmautoloss.trial import History, Role, State, Trial

CHANCES = (0.025, 0.975)
"""Quantiles of the bootstrap that bound the interval."""


class Pair(NamedTuple):
    """The scores of one candidate in a short and in a long training.

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
        """The long score, where the long training is known not to have failed."""
        if self.long is None:
            raise ValueError(f'The long training of trial {self.trial} failed.')
        return self.long


@dataclass(frozen=True)
class Correlation:
    """Everything that ``mmautoloss correlate`` shows; the keys of ``--json``.

    Attributes:
        times: How many times as long the long trainings are.
        pairs: The candidates, best in the short training first.
        failed: How many of them failed in the long training; the numbers below exclude these.
        tau: Kendall's tau-b of short and long scores; None for fewer than two candidates or equal scores.
        tau_range: 95 % interval of tau (bootstrap over candidates); None where unknown.
        best_kept: Of the ``few`` best in the short trainings, the share that is among the ``few`` best in the long ones.
        few: A quarter of the candidates, at least one.
        regret: Best long score minus the long score of the candidate that is best in the short training.
        hand_made: The hand-made losses, which the numbers above exclude; None where they were not trained.
        above: How many candidates beat the hand-made losses in the short training.
        stay_above: How many of these candidates also beat them in the long one.
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
        """The attributes as JSON types."""
        return asdict(self)


def choose_spread(history: History, count: int) -> list[Trial]:
    """Candidates spaced evenly over the ranking by score, including the best and the worst.

    Excludes candidates that reuse the score of an equivalent loss, which would count twice.
    """
    trained = [
        t for t in history.of_role(Role.KNOWN, Role.SEARCH) if t.state is State.COMPLETE and not t.measures_again
    ]
    ranked = sorted(trained, key=lambda trial: (-trial.required_score, trial.number))
    if count >= len(ranked):
        return ranked
    ranks = [round(i * (len(ranked) - 1) / max(1, count - 1)) for i in range(count)]
    return [ranked[rank] for rank in dict.fromkeys(ranks)]


def correlation_of(
    pairs: Sequence[Pair], times: float, hand_made: Pair | None = None, draws: int = 2000, seed: int = 0
) -> Correlation:
    """How well the short scores predict the long ones.

    Args:
        pairs: The candidates.
        times: How many times as long the long trainings are.
        hand_made: The hand-made losses, trained in the same way.
        draws: Number of bootstrap samples.
        seed: Seed of the bootstrap.
    """
    reference = hand_made if hand_made is not None and hand_made.long is not None else None
    ranked = tuple(sorted(pairs, key=lambda pair: (-pair.short, pair.trial)))
    scored = [pair for pair in ranked if pair.long is not None]
    few = max(1, round(len(scored) / 4))
    by_long = sorted(scored, key=lambda pair: (-pair.required_long, pair.trial))
    above = [pair for pair in scored if reference is not None and pair.short > reference.short]
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
        above=None if reference is None else len(above),
        stay_above=None if reference is None else sum(pair.required_long > reference.required_long for pair in above),
    )


def kendall(pairs: Sequence[Pair]) -> float | None:
    """Kendall's tau-b (Kendall, 1945); None where it is undefined.

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
    taus = [kendall(rng.choices(pairs, k=len(pairs))) for _ in range(draws)]
    values = sorted(tau for tau in taus if tau is not None)
    if not values:
        return None
    low, high = (values[min(len(values) - 1, int(chance * len(values)))] for chance in CHANCES)
    return low, high
