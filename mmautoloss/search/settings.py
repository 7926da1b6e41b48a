"""The numbers of a search."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.search.rung import Rung


@dataclass(frozen=True)
class Budget:
    """How much is trained; totals, also across resumes.

    Attributes:
        max_trials: Searched candidates that are trained, seeds among them. Equivalent ones cost nothing and do not
            count; the baseline, its repeats and the final re-training come on top.
        max_seconds: After this time no new candidate begins; None for no limit.
        baseline_repeats: Further trainings of the hand-made losses with other seeds, for the noise band.
        finalists: How many of the best are trained again at the end.
        finalist_repeats: How often, each time with another seed.
        max_draws: Expressions drawn for one branch of one trial before the search gives up.
        max_repeats: Equivalent candidates in a row before the search gives up.
        max_failures: Candidates in a row that fail alike, for a cause which is not their loss, before the search gives up;
            0 for no such limit.

    Raises:
        SetupError: A number is negative.
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
            if value is not None and value < 0:
                raise SetupError(f'{name} must not be negative, but got {value}.')


@dataclass(frozen=True)
class SearchSettings:
    """What makes one search differ from another on the same model.

    Attributes:
        seed: Seed of everything; trial k draws from (seed, k).
        budget: How much is trained.
        known: Genomes of known losses that are trained first and compete.
        digits: Significant digits of the gradient fingerprint; the published number is 2.
        rung: Which candidates are not trained to the end; None trains all.
    """

    seed: int = 0
    budget: Budget = Budget()
    known: tuple[Genome, ...] = ()
    digits: int = 2
    rung: Rung | None = None
