"""Sums and products of many operands, which are collected first and then sorted once."""

from __future__ import annotations

from collections import Counter
from functools import reduce

from mmautoloss.expr.constants import constant, is_constant, product, total
from mmautoloss.expr.overflow import cannot_overflow
from mmautoloss.expr.tree import Tree, in_a_row
from mmautoloss.expr.tree import join as apply

ZERO = Tree(('0',))


class Chain:
    """Unsorted operands of ``add`` or ``mul``, with the sign in front of them.

    Args:
        operator: ``add`` or ``mul``.
        tree: The first operand, simplified; if its root is the operator, its operands are taken.
    """

    def __init__(self, operator: str, tree: Tree) -> None:
        self.operator = operator
        self.negative = tree.root == 'neg' and tree.nodes[1] == operator
        self.parts = _parts(operator, unsigned(tree) if self.negative else tree)

    def join(self, other: Chain) -> Chain:
        """Merges two chains by appending the shorter one to the longer one, so that long chains take linear time."""
        longer, shorter = (self, other) if len(self.parts) >= len(other.parts) else (other, self)
        if self.operator == 'mul':
            longer.negative = self.negative != other.negative
        elif self.negative != other.negative:
            shorter.parts = [negate(part) for part in shorter.parts]
        longer.parts += shorter.parts
        return longer

    def tree(self) -> Tree:
        """The canonical tree of the operands, independent of their order."""
        signed = self.signed()
        try:
            return _sum(signed) if self.operator == 'add' else _product(signed)
        except OverflowError:  # constants out of range are not folded
            return in_a_row(self.operator, sorted(signed, key=_nodes))

    def signed(self) -> list[Tree]:
        """The operands with the sign in front applied to them."""
        if not self.negative:
            return self.parts
        count = len(self.parts) if self.operator == 'add' else 1
        return [*map(negate, self.parts[:count]), *self.parts[count:]]


def sum_of(parts: list[Tree]) -> Tree:
    """The canonical form of a sum of simplified terms.

    Example:
        >>> sum_of([Tree(('y',)), Tree(('neg', 'p'))])
        Tree(('neg', 'add', 'p', 'neg', 'y'))
    """
    return reduce(Chain.join, [Chain('add', part) for part in parts]).tree()


def terms_of(tree: Tree) -> list[Tree]:
    """The terms of a simplified sum, with their signs."""
    return Chain('add', tree).signed()


def times_zero(tree: Tree) -> Tree:
    """A tree that is 0 where a simplified tree is finite, and NaN elsewhere; plain 0 if it is always finite."""
    tree = unsigned(tree)
    return tree if is_times_zero(tree) else Chain('mul', ZERO).join(Chain('mul', tree)).tree()


def is_times_zero(tree: Tree) -> bool:
    """Whether a simplified tree is a product with 0, which is then its first factor."""
    return tree.root == 'mul' and next(node for node in tree.nodes if node != 'mul') == '0'


def negate(tree: Tree) -> Tree:
    """The tree with the opposite sign."""
    if tree.root == 'neg':
        return unsigned(tree)
    return tree if tree == ZERO else apply('neg', tree)


def unsigned(tree: Tree) -> Tree:
    """The tree without a sign in front."""
    return tree.operands()[0] if tree.root == 'neg' else tree


def _parts(operator: str, tree: Tree) -> list[Tree]:
    if tree.root != operator:
        return [tree]
    nodes, parts, position, missing = tree.nodes, [], 0, 1
    while missing:
        if nodes[position] == operator:
            position, missing = position + 1, missing + 1
        else:
            parts.append(tree.subtree(position))
            position, missing = position + parts[-1].size, missing - 1
    return parts


def _sum(parts: list[Tree]) -> Tree:
    terms = [part for part in parts if not is_constant(part)]
    rest = total(part for part in parts if is_constant(part))
    if rest or not terms:
        terms.append(constant(rest))
    terms.sort(key=_without_sign)
    if terms[0].root != 'neg':
        return in_a_row('add', terms)
    # a negative first term moves the sign outside, so that a - b and -(b - a) agree
    return negate(in_a_row('add', sorted(map(negate, terms), key=_without_sign)))


def _product(parts: list[Tree]) -> Tree:
    constants = [part for part in parts if is_constant(part)]
    scale = product(part for part in constants if part != ZERO)
    variables = [part for part in parts if not is_constant(part)]
    factors = _paired([unsigned(part) for part in variables])
    if abs(scale) != 1 or not factors:
        factors = sorted([*factors, constant(abs(scale))], key=_nodes)
    tree = in_a_row('mul', factors)
    if ZERO in constants:  # 0 times Inf or NaN is NaN, which must show
        return ZERO if cannot_overflow(tree) else apply('mul', ZERO, tree)
    negative = (scale < 0) ^ (sum(part.root == 'neg' for part in variables) % 2 == 1)
    return negate(tree) if negative else tree


def _paired(factors: list[Tree]) -> list[Tree]:
    """Sorts factors, and replaces pairs of equal ones by squares."""
    counts = Counter(factors)
    while len(factors) != len(counts):
        pairs: Counter[Tree] = Counter()
        for factor, count in counts.items():
            pairs[factor] += count % 2
            pairs[squared(factor)] += count // 2
        counts = +pairs
        factors = list(counts.elements())
    return sorted(counts, key=_nodes)


def squared(tree: Tree) -> Tree:
    """The square of a tree that is not a constant and has no sign in front."""
    return apply('square', tree.operands()[0] if tree.root == 'abs' else tree)


def _without_sign(term: Tree) -> tuple[tuple[str, ...], bool]:
    return unsigned(term).nodes, term.root == 'neg'


def _nodes(tree: Tree) -> tuple[str, ...]:
    return tree.nodes
