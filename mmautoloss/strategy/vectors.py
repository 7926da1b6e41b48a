"""Candidates as vectors of the numbers of their formulas: drawn ones, and those of a history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from mmautoloss.expr import Tree
from mmautoloss.strategy.base import Draw, Drawn
from mmautoloss.strategy.joint_numbers import JointNumbers
from mmautoloss.trial import History, Role, Trial


def draw_trees(numbers: JointNumbers, ask: Callable[[], Sequence[float]], draw: Draw) -> dict[str, Tree]:
    """Expressions of one vector, as far as the screens accept it; a branch that turns it down has numbers of another.

    Args:
        numbers: The formulas.
        ask: Draws a vector.
        draw: The screens.
    """
    vector, is_new = ask(), True

    def make(branch: str) -> Drawn:
        nonlocal vector, is_new
        vector, is_new = (vector if is_new else ask()), False
        return Drawn(numbers.fill(branch, vector), 'numbers')

    trees = {}
    for branch, template in numbers.templates.items():
        is_new = True
        trees[branch] = draw(branch, partial(make, branch)).tree if template.numbers else template.tree
    return trees


def settled_vectors(numbers: JointNumbers, history: History) -> Iterator[tuple[list[float], Trial]]:
    """The candidates that are of the family, with their numbers, in the order in which they settled."""
    for trial in history.settled():
        if trial.role is Role.SEARCH and not trial.measures_again and trial.genome is not None:
            vector = numbers.read(trial.genome)
            if vector is not None:
                yield vector, trial
