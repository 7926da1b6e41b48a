"""The settings of a search."""

from __future__ import annotations

from dataclasses import dataclass

from mmautoloss.checks import MAX_SEED, require_number, require_whole
from mmautoloss.expr import Genome
from mmautoloss.search.funnel import Funnel, read_funnel
from mmautoloss.search.rung import Rung


@dataclass(frozen=True)
class Budget:
    """The amount of training, as totals over all sessions.

    Attributes:
        max_trials: Number of trained candidates, including known losses (seeds); 0 for only the hand-made and the known
            losses. Equivalent candidates are free and do not count; the baseline, its repeats and the repeats of finalists
            are additional.
        max_seconds: Time after which no new candidate starts; None for no limit.
        baseline_repeats: Additional trainings of the hand-made losses with other seeds, for the noise band.
        finalists: Number of the best candidates that are trained again at the end.
        finalist_repeats: Number of these trainings for each finalist, with different seeds.
        max_draws: Expressions drawn for one branch of one trial before the search gives up.
        max_repeats: Equivalent candidates in a row before the search gives up.
        max_failures: Candidates in a row that fail for the same cause, other than their loss, before the search gives up;
            0 for no limit.
        funnel: Longer trainings of the best candidates instead of their repeats; also as the plain values that a config
            or a journal has. None for none.

    Raises:
        SetupError: A value is negative or not a number.
    """

    max_trials: int = 100
    max_seconds: float | None = None
    baseline_repeats: int = 2
    finalists: int = 3
    finalist_repeats: int = 2
    max_draws: int = 200_000
    max_repeats: int = 1000
    max_failures: int = 5
    funnel: Funnel | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, 'funnel', read_funnel(self.funnel))
        for name, value in vars(self).items():
            if name not in ('max_seconds', 'funnel'):
                require_whole(name, value)
        if self.max_seconds is not None:
            require_number('max_seconds', self.max_seconds)
        require_whole('max_draws', self.max_draws, 1)
        require_whole('max_repeats', self.max_repeats, 1)


@dataclass(frozen=True)
class SearchSettings:
    """The settings in which searches on the same model differ.

    Attributes:
        seed: Seed of the whole search; trial k draws with (seed, k).
        budget: The amount of training.
        known: Genomes of known losses, which are trained first and compete with the candidates.
        digits: Significant digits of the gradient fingerprint; the published number is 2.
        rung: Rule for stopping candidates early; None trains all to the end.
        trunk: Whether candidates continue a training with the hand-made losses.
        plain: Whether the hand-made losses are also trained from begin to end, for comparison with the trunk.

    Raises:
        SetupError: The seed is out of range.
    """

    seed: int = 0
    budget: Budget = Budget()
    known: tuple[Genome, ...] = ()
    digits: int = 2
    rung: Rung | None = None
    trunk: bool = False
    plain: bool = False

    def __post_init__(self) -> None:
        stages = self.budget.funnel.stages if self.budget.funnel else ()
        repeats = (self.budget.baseline_repeats, self.budget.finalist_repeats, *(stage.seeds - 1 for stage in stages))
        require_whole('seed', self.seed, 0, MAX_SEED - max(repeats))  # each uses another seed
