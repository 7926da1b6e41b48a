"""The numbers of a search."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from mmautoloss.checks import MAX_SEED, require_number, require_whole
from mmautoloss.expr import Genome
from mmautoloss.search.rung import Rung


@dataclass(frozen=True)
class Budget:
    """How much is trained; totals, also across resumes.

    Attributes:
        max_trials: Searched candidates that are trained, seeds among them; 0 for the hand-made losses and the seeds
            alone. Equivalent ones cost nothing and do not count; the baseline, its repeats and the final re-training come
            on top.
        max_seconds: After this time no new candidate begins; None for no limit.
        baseline_repeats: Further trainings of the hand-made losses with other seeds, for the noise band.
        finalists: How many of the best are trained again at the end.
        finalist_repeats: How often, each time with another seed.
        max_draws: Expressions drawn for one branch of one trial before the search gives up.
        max_repeats: Equivalent candidates in a row before the search gives up.
        max_failures: Candidates in a row that fail alike, for a cause which is not their loss, before the search gives up;
            0 for no such limit.

    Raises:
        SetupError: A number is negative, or none.
    """

    max_trials: int = 100
    max_seconds: float | None = None
    baseline_repeats: int = 2
    finalists: int = 3
    finalist_repeats: int = 2
    max_draws: int = 200_000
    max_repeats: int = 1000
    max_failures: int = 5

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name != 'max_seconds':
                require_whole(name, value)
            elif value is not None:
                require_number(name, value)
        require_whole('max_draws', self.max_draws, 1)
        require_whole('max_repeats', self.max_repeats, 1)


@dataclass(frozen=True)
class SearchSettings:
    """What makes one search differ from another on the same model.

    Attributes:
        seed: Seed of everything; trial k draws from (seed, k).
        budget: How much is trained.
        known: Genomes of known losses that are trained first and compete.
        digits: Significant digits of the gradient fingerprint; the published number is 2.
        rung: Which candidates are not trained to the end; None trains all.

    Raises:
        SetupError: There is no such seed.
    """

    seed: int = 0
    budget: Budget = Budget()
    known: tuple[Genome, ...] = ()
    digits: int = 2
    rung: Rung | None = None

    def __post_init__(self) -> None:
        repeats = max(self.budget.baseline_repeats, self.budget.finalist_repeats)  # each with a seed of its own
        require_whole('seed', self.seed, 0, MAX_SEED - repeats)
