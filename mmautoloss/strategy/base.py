"""The interface of a strategy: history in, proposal out."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import NamedTuple

from mmautoloss.expr import Genome, Tree
from mmautoloss.losses import InputKind
from mmautoloss.trial import History


class Drawn(NamedTuple):
    """A tree and how it was made, such as ``fresh`` or ``insert``."""

    tree: Tree
    origin: str


Draw = Callable[[str, Callable[[], Drawn]], Drawn]
"""``draw(branch, make)`` calls ``make()`` until the screen of the branch accepts its tree, and returns that one."""


class Proposal(NamedTuple):
    """A genome and how it was bred.

    Attributes:
        genome: The expressions.
        parent: Number of the trial it was bred from, if any.
        origin: How it was bred, such as ``random``, ``copy`` or ``insert(rpn_cls)``.
        repeats: Number of the trial that is to be trained again with another seed, if any; the genome is then that of it.
    """

    genome: Genome
    parent: int | None
    origin: str
    repeats: int | None = None


class Strategy(ABC):
    """Proposes the next loss.

    A strategy keeps no state between calls: all its knowledge is in the history, all randomness comes from ``rng``, and
    ``draw`` decides whether a tree is worth training.

    Args:
        inputs: Names that a graph may read, by branch; the branches are bred in this order.
    """

    def __init__(self, inputs: Mapping[str, tuple[str, ...]]) -> None:
        self.inputs = dict(inputs)

    def for_budget(self, max_trials: int) -> Strategy:
        """The strategy for a search of so many trainings, a number that a resume may change; by default the same one."""
        return self

    def for_kinds(self, kinds: Mapping[str, InputKind]) -> Strategy:
        """The strategy for these kinds of input, by branch; by default the same one."""
        return self

    @property
    def generation_size(self) -> int | None:
        """Number of candidates after which it learns from them; None where it learns from each."""
        return None

    def conclude(self, history: History) -> Genome | None:
        """The one loss that stands for all that it has proposed, where it has an opinion; by default it has none.

        Args:
            history: A history with all generations.
        """
        return None

    @abstractmethod
    def propose(self, history: History, rng: random.Random, draw: Draw) -> Proposal:
        """Breeds one genome."""
