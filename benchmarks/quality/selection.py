"""Rules of selection replayed on recorded trainings: what a rule picks is judged by a training that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from recorded import Condition, RecordedTable
from selection_rules import Rule


class Worth(NamedTuple):
    """What a rule picks, on average over draws.

    Attributes:
        score: Expected score of the pick.
        regret: By how much it is less than that of the best loss there is, by the same training.
        top: How often the pick is among the three best.
    """

    score: float
    regret: float
    top: float


class Draw(NamedTuple):
    """What is left to chance.

    Attributes:
        losses: Places of the losses there are, in the order in which a search meets them.
        seeds: Places of the seeds; the last one judges.
    """

    losses: NDArray[np.int64]
    seeds: tuple[int, ...]


def draws_of(table: RecordedTable, share: float, count: int, seed: int = 0) -> list[Draw]:
    """Random parts of the losses, with all orders of the seeds in turns."""
    rng = np.random.default_rng(seed)
    size = max(1, round(share * len(table.losses)))
    orders = list(permutations(range(len(table.seeds))))
    return [Draw(rng.permutation(len(table.losses))[:size], orders[number % len(orders)]) for number in range(count)]


def can_judge(table: RecordedTable, rule: Rule, target: Condition) -> bool:
    """Whether the last seed has not chosen in the condition that judges."""
    return not rule.trains(target, len(table.seeds) - 1)


def worth_of(table: RecordedTable, rule: Rule, target: Condition, draws: Sequence[Draw], losses: int) -> Worth | None:
    """The worth of a rule; None where each training that could judge has chosen.

    Args:
        table: What was recorded.
        rule: The rule.
        target: The condition in which the picked loss is to be used.
        draws: The draws.
        losses: With how many of the losses of a draw it begins.
    """
    if not can_judge(table, rule, target):
        return None
    truths, lowest, found = table.judged(target), table.judged(target).min(), []
    for draw in draws:
        truth = truths[:, draw.seeds[-1]]
        left = rule.rank(table, draw.losses[:losses], draw.seeds)
        there = np.sort(truth[draw.losses])
        score = truth[left[0]] if len(left) else lowest
        found.append((score, there[-1] - score, bool(len(left)) and score >= there[-min(3, len(there))]))
    return Worth(*(float(mean) for mean in np.mean(found, axis=0)))


def regret_of(table: RecordedTable, rule: Rule, target: Condition, few: int) -> float | None:
    """By how much the best of the few that a rule ranks first is less than the best of all, over all orders of seeds.

    The score that judges also finds the best of the few; it has no part in which they are. None where it would.
    """
    if not can_judge(table, rule, target):
        return None
    truths, all_losses, regrets = table.judged(target), np.arange(len(table.losses)), []
    for seeds in permutations(range(len(table.seeds))):
        truth = truths[:, seeds[-1]]
        left = rule.rank(table, all_losses, seeds)[:few]
        regrets.append(truth.max() - (truth[left].max() if len(left) else truths.min()))
    return float(np.mean(regrets))
