"""Losses of all ranks for the branches of a search: known ones, sums, those of cards, and mutants of all of these."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count, islice
from typing import NamedTuple

from mmautoloss.branches import Branch
from mmautoloss.engine.config.spec import read_genome
from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome, mutate
from mmautoloss.losses import ZOO, cards
from mmautoloss.report import ResultRow
from mmautoloss.screen import ACCEPTED, OpenScreen, Screen

SUMS = {
    'softmax': ('ce + dice', 'ce + focal_softmax', 'dice + focal_softmax'),
    'sigmoid': ('bce + dice', 'bce + focal', 'dice + focal'),
    'mask': ('bce + dice', 'bce + focal', 'dice + focal'),
}
"""Sums of known losses by kind of input; other kinds have none."""

MUTATIONS, MAX_NODES = 6, 40
REFUSED = 'low gain'
_MUTANT = 'mutant-'
DIGITS = 2
"""Significant digits of a fingerprint."""

DRAWS = 20_000
"""Mutants that may be drawn for one that is wanted."""


class NamedLoss(NamedTuple):
    """A loss of the sample.

    Attributes:
        name: Its name in the rows.
        genome: Its expressions by branch.
        weights: Its weights by branch if rows have them already.
    """

    name: str
    genome: Genome
    weights: Mapping[str, float] | None = None


def losses_of_rows(rows: Iterable[ResultRow], branches: Sequence[Branch]) -> list[NamedLoss]:
    """The losses of the rows of a table in their order, but for the hand-made ones, which have no expression.

    Raises:
        SetupError: A loss is not one for these branches.
    """
    losses = dict.fromkeys((row.loss, row.expression, row.weights) for row in rows if row.expression)
    return [
        NamedLoss(name, read_genome(json.loads(expression), branches), json.loads(weights))
        for name, expression, weights in losses
    ]


def sample_losses(
    branches: Sequence[Branch], screens: Mapping[str, Screen], number: int, first: Sequence[NamedLoss] = ()
) -> list[NamedLoss]:
    """Different losses, always the same; a larger sample begins with a smaller one.

    Every third mutant is one that the rejection test refuses, the others are accepted.

    Args:
        branches: The searched losses.
        screens: Their screens with a rejection test.
        number: Number of losses.
        first: What the sample begins with.

    Raises:
        SetupError: No further mutant of a kind can be found.
    """
    named = list(_distinct(chain(first, _known(branches), _sums(branches), _of_cards(branches))))
    return list(islice(chain(named, _mutants(branches, screens, named)), number))


def _known(branches: Sequence[Branch]) -> Iterator[NamedLoss]:
    """Every known loss in all branches whose inputs it fits, beside the next ones of the other branches."""
    fitting = [[name for name, loss in ZOO.items() if branch.inputs in loss.inputs] for branch in branches]
    yield from _rows_of(branches, fitting)


def _sums(branches: Sequence[Branch]) -> Iterator[NamedLoss]:
    """The same of the sums; a branch without any has its first known loss."""
    if any(branch.inputs in SUMS for branch in branches):
        first = {
            branch.inputs: next(n for n, loss in ZOO.items() if branch.inputs in loss.inputs) for branch in branches
        }
        yield from _rows_of(branches, [SUMS.get(branch.inputs, (first[branch.inputs],)) for branch in branches])


def _rows_of(branches: Sequence[Branch], texts: Sequence[Sequence[str]]) -> Iterator[NamedLoss]:
    for index in range(max(map(len, texts))):
        row = [names[index % len(names)] for names in texts]
        genome = read_genome({branch.name: text for branch, text in zip(branches, row, strict=True)}, branches)
        yield NamedLoss(row[0] if len(set(row)) == 1 else '+'.join(row), genome)


def _of_cards(branches: Sequence[Branch]) -> Iterator[NamedLoss]:
    kinds = {branch.name: branch.inputs for branch in branches}
    for name, card in cards().items():
        losses = card.expressions()
        if all(branch in losses and losses[branch][0] == kind for branch, kind in kinds.items()):
            yield NamedLoss(name, read_genome(name, branches))


def _distinct(losses: Iterator[NamedLoss]) -> Iterator[NamedLoss]:
    seen = set()
    for loss in losses:
        if loss.genome not in seen:
            seen.add(loss.genome)
            yield loss


def _mutants(
    branches: Sequence[Branch], screens: Mapping[str, Screen], parents: Sequence[NamedLoss]
) -> Iterator[NamedLoss]:
    """Different ones, by their gradients: each is drawn until the rejection test says of it what is wanted."""
    rng = random.Random(0)
    static = {branch.name: OpenScreen(branch.kind) for branch in branches}
    seen = {_fingerprint(parent.genome, screens) for parent in parents}
    for number in count(1 + sum(parent.name.startswith(_MUTANT) for parent in parents)):
        wanted = ACCEPTED if number % 3 else REFUSED
        drawn = (_mutated(rng.choice(parents).genome, branches, rng) for _ in range(DRAWS))
        sound = (genome for genome in drawn if _verdict(genome, static) == ACCEPTED)
        fitting = (genome for genome in sound if _verdict(genome, screens) == wanted)
        genome = next((each for each in fitting if _fingerprint(each, screens) not in seen), None)
        if genome is None:
            raise SetupError(f'None of {DRAWS} mutants is {wanted}: take the losses before {_MUTANT}{number} only.')
        seen.add(_fingerprint(genome, screens))
        yield NamedLoss(f'{_MUTANT}{number}', genome)


def _mutated(genome: Genome, branches: Sequence[Branch], rng: random.Random) -> Genome:
    """One to six mutations, each in any branch."""
    for _ in range(rng.randint(1, MUTATIONS)):
        branch = rng.choice(branches)
        tree = genome[branch.name]
        child, _ = mutate(tree, rng, branch.kind.names, max(MAX_NODES, tree.size))
        genome = genome.with_tree(branch.name, child)
    return genome


def _verdict(genome: Genome, screens: Mapping[str, Screen]) -> str:
    """Accepted if the losses of all branches are; a low gain only if nothing else is wrong."""
    reasons = {screens[name].judge(tree).reason for name, tree in genome.items()}
    worse = reasons - {ACCEPTED, REFUSED}
    return min(worse) if worse else REFUSED if REFUSED in reasons else ACCEPTED


def _fingerprint(genome: Genome, screens: Mapping[str, Screen]) -> tuple[str, ...]:
    """What is equal for losses that train alike."""
    return tuple(screens[name].fingerprint(screens[name].weigh(tree), DIGITS) for name, tree in genome.items())
