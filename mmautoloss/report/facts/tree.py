"""The layout of the nodes of an expression for drawing: from left to right, a row for each leaf."""

from __future__ import annotations

from typing import NamedTuple

from mmautoloss.expr import Tree
from mmautoloss.report.facts.table import Table

_SYMBOLS = {
    'add': '+',
    'mul': '\N{MULTIPLICATION SIGN}',
    'neg': '\N{MINUS SIGN}',
    'abs': '|x|',
    'inv': '1/x',
    'square': 'x\N{SUPERSCRIPT TWO}',
    'sqrt': '\N{SQUARE ROOT}x',
}
"""Symbols of operators that are drawn instead of their names."""


class Node(NamedTuple):
    """A node of an expression and its position in the drawing.

    Attributes:
        position: Position in the tree, operands after their operator.
        name: Operator, input or number, as in the tree.
        text: The drawn text.
        column: Depth of the node below the root.
        row: Number of leaves above it; an operator lies halfway between its operands.
        parent: Position of its operator; None for the root.
    """

    position: int
    name: str
    text: str
    column: int
    row: float
    parent: int | None


def lay_out(tree: Tree) -> tuple[Node, ...]:
    """The nodes of a tree with their positions in the drawing, in the order of the tree.

    Example:
        >>> from mmautoloss.expr import parse
        >>> for node in lay_out(parse('-y * log(p)')):
        ...     print(node.text, node.column, node.row)
        × 0 0.5
        − 1 0.0
        y 2 0.0
        log 1 1.0
        p 2 1.0
    """
    nodes: dict[int, Node] = {}
    _place(tree, 0, 0, None, nodes)
    return tuple(nodes[position] for position in sorted(nodes))


def tree_table(nodes: tuple[Node, ...]) -> Table:
    """Nodes as a table."""
    return Table(Node._fields, tuple(tuple(node) for node in nodes))


def _place(tree: Tree, position: int, column: int, parent: int | None, nodes: dict[int, Node]) -> float:
    rows = [_place(tree, child, column + 1, position, nodes) for child in tree.children(position)]
    above = sum(not any(tree.children(placed)) for placed in nodes)  # leaves placed before
    row = sum(rows) / len(rows) if rows else float(above)
    name = tree.nodes[position]
    nodes[position] = Node(position, name, _SYMBOLS.get(name, name), column, row, parent)
    return row
