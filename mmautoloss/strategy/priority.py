"""Operators by how good the losses with them were, and how seldom they were tried (AutoBERT-Zero)."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mmautoloss.checks import require_number
from mmautoloss.expr import DRAWN
from mmautoloss.strategy.places import place_of
from mmautoloss.trial import History, Role, State, Trial

MAX_ALPHA = 10.0
"""Largest weight of how seldom an operator was tried: it rules long before, and exp(u) stays far from overflow."""


@dataclass(frozen=True)
class OperatorPriority:
    """The operation priority of OP-NAS (Gao et al., AAAI 2022, arXiv 2107.07445), an upper confidence bound.

    Of N candidates that were trained, N_i had the operator i in a branch, with ranks r from 0 (worst) to 1 (best). Each
    operator counts as if it had been in one more loss, of the mean rank 1/2, so that a few losses are no proof, and an
    operator that was never tried has a finite priority::

        u_i = (sum of r + 1/2) / (N_i + 1) + alpha * sqrt(2 ln(N + 1) / (N_i + 1))

    Operators are drawn in proportion to exp(u_i). Ranks serve any metric, whatever its scale. The candidates are the known
    losses and those of the search; one that is the same loss as another counts only once, and one without a score, stopped
    or failed by its losses, ranks below all that have one.

    Attributes:
        alpha: Weight of how seldom an operator was tried; at 0 scores alone count.

    Raises:
        SetupError: ``alpha`` is not from 0 to ``MAX_ALPHA``.
    """

    alpha: float

    def __post_init__(self) -> None:
        require_number('alpha', self.alpha, 0, MAX_ALPHA)

    def weights(self, branch: str, history: History) -> dict[str, float]:
        """Positive weights of all operators that a search draws, a function of the settled trials alone."""
        trials = [trial for trial in history.settled() if _counts(trial)]
        ranks = _ranks([place_of(trial, history) for trial in trials])
        tried: Counter[str] = Counter()
        gained = dict.fromkeys(DRAWN, 0.0)
        for trial, rank in zip(trials, ranks, strict=True):
            for operator in gained.keys() & set(trial.required_genome[branch].nodes):
                tried[operator] += 1
                gained[operator] += rank
        spread = 2 * math.log(len(trials) + 1)
        return {
            name: math.exp(
                (gained[name] + 0.5) / (tried[name] + 1) + self.alpha * math.sqrt(spread / (tried[name] + 1))
            )
            for name in gained
        }


def _counts(trial: Trial) -> bool:
    """Whether a settled trial says how good its operators are."""
    if trial.role not in (Role.KNOWN, Role.SEARCH) or trial.measures_again or trial.was_spared:
        return False
    return trial.state is not State.FAILED or trial.failed_by_itself


def _ranks(places: Sequence[tuple[float, float]]) -> list[float]:
    """Ranks in [0, 1], the best 1, of places of which the lowest is the best; equal ones share the mean of theirs."""
    if len(places) == 1:
        return [0.5]
    ordered, last = sorted(places), len(places) - 1
    return [1 - (bisect_left(ordered, place) + bisect_right(ordered, place) - 1) / 2 / last for place in places]
