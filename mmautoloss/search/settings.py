"""The settings of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmautoloss.checks import MAX_SEED, require_number, require_whole
from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.search.funnel import Funnel, read_funnel
from mmautoloss.search.relay import Relay
from mmautoloss.search.rung import Rung

ALLOCATIONS = ('halving', 'equal')

KNOWN_FINALISTS = 2
"""Number of known losses that are trained again, so that the best of them is not the luckiest."""

LEAST_SEEDS = 5
"""Fresh seeds below which no interval is given: of four that all agree, chance alone gives one in eight."""

LEAST_REPEATS = 2
"""Repeats of the hand-made losses below which the noise of several tasks cannot be compared."""

_FIRST_FRESH = 1000
"""First fresh seed, the same for all usual budgets, so that a search that goes on longer keeps its fresh trainings."""


@dataclass(frozen=True)
class Budget:
    """The amount of training, as totals over all sessions.

    Attributes:
        max_trials: Number of trained candidates, including known losses (seeds); 0 for only the hand-made and the known
            losses. Equivalent candidates are free and do not count; the baseline, its repeats and the repeats of finalists
            are additional.
        max_seconds: Time after which no new candidate starts; None for no limit.
        baseline_repeats: Additional trainings of the hand-made losses with other seeds, for the noise band.
        candidate_seeds: Most seeds of a candidate in the search: of those with k seeds, the better half gets the next one.
            Each is a training of ``max_trials``, but for those by which the best catch up at the end. At most
            ``baseline_repeats + 1``, since scores count against those of the hand-made losses with the same seed.
        finalists: Number of the best candidates that are trained again at the end; these scores choose the winner.
        finalist_repeats: Largest number of these trainings, on average over the finalists, each with another seed.
        allocation: Which finalist gets them: ``halving`` drops the worse half after each round, ``equal`` trains all alike.
        confirm_seeds: Fresh seeds with which the winner, the best known loss and the hand-made losses are trained at the
            very end, so that the verdict rests on scores that chose nothing; 0 for no verdict, else at least 5.
        max_draws: Expressions drawn for one branch of one trial before the search gives up.
        max_repeats: Equivalent candidates in a row before the search gives up.
        max_failures: Candidates in a row that fail for the same cause, other than their loss, before the search gives up;
            0 for no limit.
        funnel: Longer trainings of the best candidates instead of their repeats; also as the plain values that a config
            or a journal has. None for none.

    Raises:
        SetupError: A value is negative or not a number, or no such setting.
    """

    max_trials: int = 100
    max_seconds: float | None = None
    baseline_repeats: int = 2
    candidate_seeds: int = 1
    finalists: int = 3
    finalist_repeats: int = 2
    allocation: str = 'halving'
    confirm_seeds: int = 5
    max_draws: int = 200_000
    max_repeats: int = 1000
    max_failures: int = 5
    funnel: Funnel | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, 'funnel', read_funnel(self.funnel))
        for name, value in vars(self).items():
            if name == 'max_seconds' and value is not None:
                require_number(name, value)
            elif name not in ('max_seconds', 'allocation', 'funnel'):
                require_whole(name, value)
        require_whole('max_draws', self.max_draws, 1)
        require_whole('max_repeats', self.max_repeats, 1)
        require_whole('candidate_seeds', self.candidate_seeds, 1)
        if self.candidate_seeds > self.baseline_repeats + 1:
            raise SetupError(
                f'candidate_seeds must be at most baseline_repeats + 1, here {self.baseline_repeats + 1}, but got '
                f'{self.candidate_seeds}: each seed needs a score of the hand-made losses, against which others count. '
                f'Set baseline_repeats={self.candidate_seeds - 1} or fewer candidate_seeds.'
            )
        if self.allocation not in ALLOCATIONS:
            raise SetupError(f'allocation must be one of {", ".join(ALLOCATIONS)}, but got {self.allocation!r}.')
        if 0 < self.confirm_seeds < LEAST_SEEDS:
            raise SetupError(
                f'confirm_seeds must be 0 or at least {LEAST_SEEDS}, but got {self.confirm_seeds}: fewer seeds give no '
                'interval, and so no verdict.'
            )

    @classmethod
    def recorded(cls, values: Mapping[str, Any]) -> Budget:
        """The budget of a journal, which does not name settings that are younger than it."""
        return cls(**{'allocation': 'equal', 'confirm_seeds': 0, **values})

    def is_out_of_time(self, elapsed: float) -> bool:
        """Whether no new candidate starts after these seconds of search."""
        return self.max_seconds is not None and elapsed >= self.max_seconds

    @property
    def confirm_times(self) -> float:
        """Length of the trainings with fresh seeds, as a multiple of that of a candidate."""
        return self.funnel.stages[-1].times if self.funnel else 1

    @property
    def fresh_seeds(self) -> range:
        """Seeds that no other training of the search has, less that of the search."""
        stages = self.funnel.stages if self.funnel else ()
        finalists = max(self.finalists, KNOWN_FINALISTS) * self.finalist_repeats + self.candidate_seeds - 1
        used = max(self.baseline_repeats, finalists, *(stage.seeds for stage in stages))
        first = max(_FIRST_FRESH, used + 1)
        return range(first, first + self.confirm_seeds)


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
        relay: The generations of a relay, in which all candidates are legs; None in any other search.
        aggregate: How the gains of a candidate in several tasks become its score; '' in a search of one task.

    Raises:
        SetupError: The seed is out of range, or the hand-made losses of several tasks are not repeated.
    """

    seed: int = 0
    budget: Budget = Budget()
    known: tuple[Genome, ...] = ()
    digits: int = 2
    rung: Rung | None = None
    trunk: bool = False
    plain: bool = False
    relay: Relay | None = None
    aggregate: str = ''

    def __post_init__(self) -> None:
        require_whole('seed', self.seed, 0, MAX_SEED - self.budget.fresh_seeds.stop)  # each training uses another seed
        if self.aggregate and self.budget.baseline_repeats < LEAST_REPEATS:
            raise SetupError(
                'A search of several tasks measures gains by the noise of the hand-made losses: budget.baseline_repeats '
                f'must be at least {LEAST_REPEATS}, but got {self.budget.baseline_repeats}.'
            )
