"""Conformance tests of strategies; inherit the suite in a test and define how to build yours.

Example:
    .. code-block:: python

        class TestMine(StrategySuite):
            def build(self, inputs):
                return MyStrategy(inputs)
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from mmautoloss.expr import Genome, Tree, random_tree
from mmautoloss.strategy import Draw, Drawn, Proposal, Strategy
from mmautoloss.trial import History, Outcome, Role, State, Trial

INPUTS = {'cls': ('p', 'y'), 'iou': ('i', 'u', 'e'), 'box': ('p', 'y')}
"""Branches in an order that differs from a sorted one."""


def accept_all(branch: str, make: Callable[[], Drawn]) -> Drawn:
    """A ``draw`` without a screen."""
    return make()


def make_history(length: int, inputs: Mapping[str, tuple[str, ...]] = INPUTS) -> History:
    """A baseline and settled candidates; candidate k has the score ``k * 7 % 31``."""
    history = History()
    rng = random.Random(5)
    for number in range(length + 1):
        trees = {branch: random_tree(rng, names, 3) for branch, names in inputs.items()}
        role, genome = (Role.SEARCH, Genome(trees)) if number else (Role.BASELINE, None)
        history.add(Trial(number, role, seed=0, genome=genome))
        history.settle(number, Outcome(State.COMPLETE, float(number * 7 % 31)))
    return history


class StrategySuite:
    """Tests of the contract of ``Strategy``; run by pytest in a class that inherits it."""

    def build(self, inputs: Mapping[str, tuple[str, ...]]) -> Strategy:
        """A new strategy over these inputs."""
        raise NotImplementedError

    def propose(self, length: int, seed: int, draw: Draw = accept_all) -> Proposal:
        return self.build(INPUTS).propose(make_history(length), random.Random(seed), draw)

    def test_chance_comes_from_rng_alone(self) -> None:
        for length in (0, 3, 40):
            for seed in range(20):
                assert self.propose(length, seed) == self.propose(length, seed)
        assert len({self.propose(40, seed) for seed in range(20)}) > 1

    def test_no_state_is_kept(self) -> None:
        used, history = self.build(INPUTS), make_history(40)
        for seed in range(30):
            used.propose(history, random.Random(seed), accept_all)
        again = used.propose(history, random.Random(99), accept_all)
        assert again == self.propose(40, 99)

    def test_global_random_is_left_alone(self) -> None:
        random.seed(3)
        before = random.getstate()
        for seed in range(20):
            self.propose(40, seed)
        assert random.getstate() == before

    def test_history_is_left_alone(self) -> None:
        history = make_history(40)
        before = list(history)
        self.build(INPUTS).propose(history, random.Random(1), accept_all)
        assert list(history) == before

    def test_all_branches_in_order_read_their_own_inputs(self) -> None:
        for length in (0, 40):
            for seed in range(50):
                genome = self.propose(length, seed).genome
                assert list(genome) == list(INPUTS)
                for branch, tree in genome.items():
                    assert set(tree.inputs) <= set(INPUTS[branch])

    def test_what_is_not_copied_went_through_draw(self) -> None:
        for length in (0, 40):
            history = make_history(length)
            for seed in range(50):
                drawn: dict[str, Drawn] = {}

                def draw(branch: str, make: Callable[[], Drawn], drawn=drawn) -> Drawn:
                    make()  # refused by the screen
                    drawn[branch] = make()
                    return drawn[branch]

                proposal = self.propose(length, seed, draw)
                parent: Mapping[str, Tree] = {}
                if proposal.parent is not None:
                    parent = history[proposal.parent].required_genome
                for branch, tree in proposal.genome.items():
                    expected = drawn[branch].tree if branch in drawn else parent[branch]
                    assert tree == expected

    def test_parent_is_a_scored_candidate(self) -> None:
        history = make_history(40)
        alive = {trial.number for trial in history.population()}
        for seed in range(50):
            assert self.propose(40, seed).parent in {None, *alive}
