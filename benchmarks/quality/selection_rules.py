"""Rules that choose a loss by trainings, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from recorded import Condition, RecordedTable

from mmautoloss.errors import SetupError


class Stage(NamedTuple):
    """Trainings of the losses that are left.

    Attributes:
        condition: Their kind. They are ranked by the mean of all their trainings of this kind.
        keep: How many of the best so far are trained; None: all of them.
        seed: 0 or 1, for the first or the second seed of a search.
    """

    condition: Condition
    keep: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Rule:
    """Stages, one after the other; the best of the last one is picked.

    Attributes:
        name: What a table calls it.
        stages: Without any, a loss is picked at random.
        share: The share of the losses it trains, of those that another rule would train.

    Raises:
        SetupError: A training occurs twice.
    """

    name: str
    stages: tuple[Stage, ...]
    share: float = 1.0

    def __post_init__(self) -> None:
        trainings = [(stage.condition, stage.seed) for stage in self.stages]
        if len(set(trainings)) < len(trainings):
            raise SetupError(f'A rule trains with a seed once, but {self.name!r} does so twice.')

    def trains(self, condition: Condition, seed: int) -> bool:
        """Whether trainings of this kind and seed choose."""
        return any((stage.condition, stage.seed) == (condition, seed) for stage in self.stages)

    def cost(self, losses: int) -> int:
        """Iterations of all trainings that begin with so many losses, if none fails; a trunk counts once a seed."""
        total = sum(stage.condition.trunk for stage in self.stages)
        for stage in self.stages:
            losses = losses if stage.keep is None else min(losses, stage.keep)
            total += losses * stage.condition.tail
        return total

    def affordable(self, iterations: int, most: int) -> int:
        """With how many losses it can begin for so many iterations; 0 for none."""
        return next((losses for losses in range(most, 0, -1) if self.cost(losses) <= iterations), 0)

    def rank(self, table: RecordedTable, losses: NDArray[np.int64], seeds: Sequence[int]) -> NDArray[np.int64]:
        """The losses that are left at the end, the best first, without those that failed.

        Args:
            table: What was recorded.
            losses: Places of the losses with which it begins; equal scores stay in this order.
            seeds: Places of the seeds, the first of a search first.
        """
        trained: dict[Condition, list[NDArray[np.float64]]] = {}
        for condition, keep, seed in self.stages:
            losses = losses[:keep]
            columns = trained.setdefault(condition, [])
            columns.append(table.scores[condition][:, seeds[seed]])
            means = sum(column[losses] for column in columns) / len(columns)
            order = np.argsort(-means, kind='stable')
            losses = losses[order][np.isfinite(means[order])]
        return losses


def rules_of(table: RecordedTable) -> list[Rule]:
    """The rules that are compared, of the kinds of training that the table has."""
    short, full, late = table.shorter[0], table.full, table.late
    label = {condition: table.label(condition) for condition in table.conditions}
    rules = [Rule('any loss', ()), Rule(label[short], (Stage(short),))]
    rules += [Rule(f'{label[short]}; best 4 all along', (Stage(short), Stage(full, 4)))]
    for middle in table.shorter[1:]:
        rules.append(Rule(label[middle], (Stage(middle),)))
        stages = (Stage(short), Stage(middle, 12), Stage(full, 4))
        rules.append(Rule(f'{label[short]}; best 12 {label[middle]}; best 4 all along', stages))
    rules += [
        Rule(f'{label[short]}; best 12 {label[late]}', (Stage(short), Stage(late, 12))),
        Rule(label[late], (Stage(late),)),
        *(Rule(f'{label[late]}; best {few} again', (Stage(late), Stage(late, few, 1))) for few in (3, 6, 12)),
        Rule(f'{label[late]}, two seeds', (Stage(late), Stage(late, None, 1))),
        Rule(f'{label[late]}, two seeds, half the losses', (Stage(late), Stage(late, None, 1)), 0.5),
        Rule(f'{label[late]}; best 4 all along', (Stage(late), Stage(full, 4))),
    ]
    begun = [each for each in table.conditions if each not in (*table.shorter, full, late)]
    return [*rules, *(Rule(label[each], (Stage(each),)) for each in begun), Rule('all along', (Stage(full),))]
