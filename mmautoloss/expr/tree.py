"""Loss expressions as immutable sequences of nodes in prefix order."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from keyword import iskeyword

from mmautoloss.errors import ExpressionError
from mmautoloss.expr.formatting import format_nodes
from mmautoloss.expr.primitives import ALIASES, ARITY, PRIMITIVES

MAX_NODES = 400
"""Largest number of nodes of an expression; the largest published loss has 90."""

MAX_DEPTH = 150
"""Largest number of operators on a path from root to leaf. Each may be a pair of brackets in text; Python reads 200."""

_NUMBER = re.compile(r'\d+(\.\d+)?(e[+-]?\d+)?')
_NAME = re.compile(r'[A-Za-z_][A-Za-z_0-9]*')


def is_number(node: str) -> bool:
    """Whether a node is a numeric constant (a non-negative literal such as ``1`` or ``0.25``)."""
    return node[:1].isdigit()


def arity(node: str) -> int:
    """Number of operands of a node; 0 for inputs and constants."""
    return ARITY.get(node, 0)


def format_number(value: float) -> str:
    """The node of a constant: ``1``, ``0.25``, ``1e-07``.

    Raises:
        ExpressionError: The number is not finite, or negative (the sign is an operator: ``-2`` is
            ``neg`` of 2).
    """
    try:
        value = float(value)
    except OverflowError:  # an int beyond the range of floats
        value = math.inf
    if not math.isfinite(value) or value < 0:
        raise ExpressionError(f'A constant must be finite and not negative, but got {value}.')
    return str(int(value)) if value == int(value) and value < 1e16 else repr(value)


def _check_node(node: object) -> None:
    if isinstance(node, str) and _NAME.fullmatch(node):
        if node in ALIASES or iskeyword(node):  # its text could not be parsed
            raise ExpressionError(f'An input cannot have the name {node!r}: the word is taken.')
        return
    if not (isinstance(node, str) and _NUMBER.fullmatch(node)):
        raise ExpressionError(f'A node must be an operator, an input name or a number from 0 on, but got {node!r}.')
    if format_number(float(node)) != node:  # one text per number, since trees are compared by it
        raise ExpressionError(f'The constant {node!r} must be written {format_number(float(node))!r}.')


_FAMILIAR = frozenset((*PRIMITIVES, 'p', 'y', 'i', 'u', 'e', '1'))
"""The most frequent nodes, which need no check."""


class Tree:
    """An expression, from the root down, operands after their operator.

    ``Tree(('neg', 'mean_c', 'mul', 'y', 'log', 'p'))`` is ``-mean_c(y * log(p))``. Nodes are
    operator names, input names and numeric literals, all text; so trees compare, hash and pickle
    by value. A sequence that is not exactly one complete expression is refused.

    Raises:
        ExpressionError: The nodes are not one complete expression, one is neither operator, name nor
            number, or they are more than ``MAX_NODES`` or nested deeper than ``MAX_DEPTH``.

    Example:
        >>> tree = Tree(('add', 'p', 'square', 'y'))
        >>> tree.size, tree.depth, tree.inputs
        (4, 2, ('p', 'y'))
        >>> tree.subtree(2)
        Tree(('square', 'y'))
        >>> tree.replace(1, Tree(('1',)))
        Tree(('add', '1', 'square', 'y'))
    """

    __slots__ = ('_hash', 'nodes')
    nodes: tuple[str, ...]
    _hash: int

    def __init__(self, nodes: Iterable[str]) -> None:
        nodes = tuple(nodes)
        open_slots = 1
        for position, node in enumerate(nodes):
            if node.__class__ is not str or node not in _FAMILIAR:
                _check_node(node)
            if open_slots == 0:
                raise ExpressionError(f'Nodes {nodes[position:]} follow a complete expression.')
            open_slots += arity(node) - 1
        if open_slots:
            raise ExpressionError(f'The expression {nodes} lacks {open_slots} operand(s).')
        object.__setattr__(self, 'nodes', nodes)
        object.__setattr__(self, '_hash', hash(nodes))
        require_fitting(self)

    @classmethod
    def _of_parts(cls, nodes: tuple[str, ...]) -> Tree:
        """A tree of nodes that are known to be one complete expression, since they come from trees; skips the checks."""
        tree = cls.__new__(cls)
        object.__setattr__(tree, 'nodes', nodes)
        object.__setattr__(tree, '_hash', hash(nodes))
        return tree

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f'A Tree cannot be changed; make a new one (tried to set {name!r}).')

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f'A Tree cannot be changed; make a new one (tried to delete {name!r}).')

    def __reduce__(self) -> tuple:
        return Tree, (self.nodes,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and self.nodes == other.nodes

    def __hash__(self) -> int:
        return self._hash

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        return f'Tree({self.nodes!r})'

    def __str__(self) -> str:
        return format_nodes(self.nodes)

    @property
    def root(self) -> str:
        """The operator, input or constant at the top."""
        return self.nodes[0]

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.nodes)

    @property
    def depth(self) -> int:
        """Number of operators on the longest path from the root to a leaf; 0 for a single leaf."""
        depths: list[int] = []
        for node in reversed(self.nodes):
            operands = [depths.pop() for _ in range(arity(node))]
            depths.append(1 + max(operands) if operands else 0)
        return depths[0]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the tensors that the expression reads, sorted."""
        names = {node for node in self.nodes if not arity(node) and not is_number(node)}
        return tuple(sorted(names))

    def end(self, position: int) -> int:
        """Position after the last node of the sub-expression that starts at ``position``."""
        nodes, open_slots = self.nodes, 1
        while open_slots:
            open_slots += ARITY.get(nodes[position], 0) - 1
            position += 1
        return position

    def subtree(self, position: int) -> Tree:
        """The sub-expression that starts at ``position``."""
        return Tree._of_parts(self.nodes[position : self.end(position)])

    def children(self, position: int = 0) -> Iterator[int]:
        """Positions of the operands of the node at ``position``, from left to right."""
        child = position + 1
        for _ in range(arity(self.nodes[position])):
            yield child
            child = self.end(child)

    def operands(self) -> tuple[Tree, ...]:
        """The operands of the root."""
        if ARITY.get(self.nodes[0]) == 1:  # fast path for the most frequent case
            return (Tree._of_parts(self.nodes[1:]),)
        return tuple(self.subtree(child) for child in self.children())

    def replace(self, position: int, other: Tree) -> Tree:
        """A tree in which the sub-expression at ``position`` is ``other``.

        Raises:
            ExpressionError: It would be too large (``fits``).
        """
        tree = graft(self, position, other)
        require_fitting(tree)
        return tree


def fits(tree: Tree) -> bool:
    """Whether a tree is within ``MAX_NODES`` and ``MAX_DEPTH``, so that it can be formatted, parsed, compiled and drawn."""
    return tree.size <= MAX_NODES and (tree.size <= MAX_DEPTH or tree.depth <= MAX_DEPTH)


def require_fitting(tree: Tree) -> None:
    """Refuses trees that are too large.

    Raises:
        ExpressionError: The tree has more than ``MAX_NODES`` nodes, or is nested deeper than ``MAX_DEPTH``.
    """
    if not fits(tree):
        raise ExpressionError(
            f'An expression may have {MAX_NODES} nodes (operators, inputs and numbers) and be nested {MAX_DEPTH} deep, but '
            f'got {tree.size} nodes nested {tree.depth} deep. Write a shorter one.'
        )


def apply(operator: str, *operands: Tree) -> Tree:
    """The tree with ``operator`` at the root over ``operands``.

    Raises:
        ExpressionError: The number of operands is wrong, or the tree is too large (``fits``).
    """
    tree = join(operator, *operands)
    require_fitting(tree)
    return tree


def graft(tree: Tree, position: int, other: Tree) -> Tree:
    """``tree.replace(position, other)`` without the size limits, for results that are checked afterwards."""
    return Tree._of_parts(tree.nodes[:position] + other.nodes + tree.nodes[tree.end(position) :])


def join(operator: str, *operands: Tree) -> Tree:
    """``apply`` without the size limits, for results that are checked afterwards, and for keys."""
    if not operands or len(operands) != arity(operator):
        return Tree((operator, *(node for operand in operands for node in operand.nodes)))  # raises the error
    nodes = (operator, *operands[0].nodes)
    return Tree._of_parts(nodes + operands[1].nodes if len(operands) == 2 else nodes)


def in_a_row(operator: str, operands: Sequence[Tree]) -> Tree:
    """``((a + b) + c) + ...`` for a binary operator and one or more operands.

    Example:
        >>> in_a_row('add', [Tree(('p',)), Tree(('y',)), Tree(('1',))])
        Tree(('add', 'add', 'p', 'y', '1'))
    """
    return Tree._of_parts((operator,) * (len(operands) - 1) + tuple(chain.from_iterable(o.nodes for o in operands)))
