"""What a trunk costs: the hand-made losses after it, against the same losses from begin to end."""

from __future__ import annotations

import math
from statistics import mean
from typing import NamedTuple

from mmautoloss.report.statistics import spread
from mmautoloss.trial import History, Role, Scale

_CONFIDENCE = 0.95
"""One-sided confidence (Student's t over the differences of the seeds) at which a cost is more than noise."""


class TrunkCost(NamedTuple):
    """The hand-made losses with the same seeds, with and without a trunk; scores as the metric reports them.

    Attributes:
        late: Their mean after a trunk.
        plain: Their mean when trained as the config says.
        cost: How much worse they are after a trunk; negative if better.
        error: Standard error of the cost, from the differences of the seeds; infinite for a single one.
        seeds: Number of common seeds.
    """

    late: float
    plain: float
    cost: float
    error: float
    seeds: int

    @property
    def is_clear(self) -> bool:
        """Whether a cost is more than the noise."""
        return self.cost > self.noise

    @property
    def noise(self) -> float:
        """The mean difference that chance alone exceeds in one of twenty searches."""
        from scipy.stats import t

        return float(t.ppf(_CONFIDENCE, self.seeds - 1)) * self.error if self.seeds > 1 else math.inf

    @property
    def text(self) -> str:
        """The cost in a sentence, with the remedy if there is one to be taken."""
        scores = (
            f'Hand-made losses score {self.late:.4f} after a trunk and {self.plain:.4f} when trained as the config says '
            f'({self.seeds} seed{"s" * (self.seeds != 1)})'
        )
        if self.is_clear:
            return (
                f'{scores}: the trunk costs {self.cost:.4f}, more than the noise ({self.noise:.4f}), which '
                "a found loss must make up for. Try another share (proxy.begin.at), rate='scheduled', or begin='scratch'."
            )
        return f'{scores}: the trunk {"costs nothing that shows" if self.cost >= -self.noise else "is a gain"}.'


def trunk_cost_of(history: History, scale: Scale, seeds: int = 1) -> TrunkCost | None:
    """The cost of a trunk; None where not every plain training has its counterpart yet.

    Args:
        history: All trials.
        scale: The direction of the metric.
        seeds: Number of seeds below which nothing is said.
    """
    late, plain = (
        {t.seed: t.score for t in history.of_role(r) if t.score is not None} for r in (Role.BASELINE, Role.PLAIN)
    )
    if len(plain) < seeds or late.keys() != plain.keys():
        return None
    differences = [plain[seed] - late[seed] for seed in sorted(late)]
    error = spread(differences) / math.sqrt(len(differences)) if len(differences) > 1 else math.inf
    after, through = (scale.sign * mean(scores.values()) for scores in (late, plain))
    return TrunkCost(after, through, mean(differences), error, len(differences))
