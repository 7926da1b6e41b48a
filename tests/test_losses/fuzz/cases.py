"""Random cases: an expression and a call, with what must not matter made NaN."""

from __future__ import annotations

from random import Random

import torch
from torch import Tensor

from mmautoloss.expr import Tree, mutate, parse, random_tree
from mmautoloss.expr.tree import apply
from mmautoloss.losses import ZOO, input_kind
from tests.test_losses.fuzz.calls import Call, draw_call
from tests.test_losses.fuzz.contract import reading

CONSTANTS = ('1', '1', '1', '2', '0.25')
"""What stands for the 1 of random graphs."""
LOGARITHMS = ('log(p)', 'log(1 - p)', 'log(-p + 1)', 'log(p - 1)', 'log(-p)', 'log(abs(p))')
"""What is put into some graphs of probabilities, where chance seldom makes it."""
AROUND = ('mean_c', 'mean_nhw', 'square')
"""What is put around parts of some graphs: of one channel, of one position, and what tells them apart."""


def draw_tree(kind: str, rng: Random) -> Tree:
    """A random graph, a mutant of one, or a mutant of a known loss."""
    names = input_kind(kind).names
    tree = rng.choice((_known, _known, _random, _random, _woven))(kind, names, rng)
    for _ in range(rng.choice((0, 0, 0, 1, 3))):
        position = rng.randrange(tree.size)
        tree = tree.replace(position, apply(rng.choice(AROUND), tree.subtree(position)))
    for _ in range(rng.choice((0, 0, 1, 2, 4))):
        tree, _ = mutate(tree, rng, names, max_nodes=max(tree.size, 30), number_rate=0.25)
    return Tree(rng.choice(CONSTANTS) if node == '1' else node for node in tree.nodes)


def _known(kind: str, names: tuple[str, ...], rng: Random) -> Tree:
    return parse(rng.choice([loss.expression for loss in ZOO.values() if kind in loss.inputs]))


def _random(kind: str, names: tuple[str, ...], rng: Random) -> Tree:
    tree = random_tree(rng, names, depth=rng.randint(1, 4))
    leaves = [position for position, node in enumerate(tree.nodes) if node == 'p']
    return tree.replace(rng.choice(leaves), parse(rng.choice(LOGARITHMS))) if leaves and rng.random() < 0.4 else tree


def _woven(kind: str, names: tuple[str, ...], rng: Random) -> Tree:
    """Sums and products of what has all channels and positions with means that have one of them."""
    parts = [random_tree(rng, names, depth=rng.randint(0, 1)) for _ in range(3)]
    for _ in range(4):
        place = rng.randrange(3)
        parts[place] = apply(rng.choice(AROUND), parts[place])
    return apply(rng.choice(('add', 'mul')), apply('mul', *parts[:2]), parts[2])


def draw_case(form: str, rng: Random, dtype: torch.dtype = torch.float64) -> tuple[Tree, Call]:
    """An expression and a call of a form; where nothing counts there may be NaN, seldom one where something does."""
    call = draw_call(form, rng, dtype)
    tree = draw_tree(call.kind, rng)
    if rng.random() < 0.3:
        call = poisoned(call, ~_looked_at(call), rng.choice((torch.nan, torch.inf, -torch.inf)))
    elif rng.random() < 0.06:
        places = torch.arange(call.pred.numel()).view(call.pred.shape)
        call = poisoned(call, (places == rng.randrange(call.pred.numel() + 1)) & _looked_at(call), torch.nan)
    return tree, call


def poisoned(call: Call, where: Tensor, value: float) -> Call:
    """The call with a value in some predictions."""
    return call._replace(pred=call.pred.masked_fill(where, value))


def _looked_at(call: Call) -> Tensor:
    """Which predictions a loss may depend on, of their shape."""
    counts = reading(call).counts
    if call.kind == 'mask':
        classes = torch.arange(call.pred.shape[1]).view(1, -1, 1, 1)
        return (classes == call.weight.view(-1, 1, 1, 1)).expand(call.pred.shape)
    if call.kind == 'area':
        return counts[:, :, 0, 0].expand(call.pred.shape)
    return counts.reshape(call.pred.shape)
