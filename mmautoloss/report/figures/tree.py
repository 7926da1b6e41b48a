"""The drawing of an expression as a tree: SVG in the colours of the page."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape

from mmautoloss.expr import Tree
from mmautoloss.expr.tree import arity, is_number
from mmautoloss.report.facts.tree import Node, lay_out, tree_table
from mmautoloss.report.figures.figure import Figure

MOST_NODES = 60
"""Maximum number of nodes that are drawn; a larger expression is shown as text."""

_ROW, _HEIGHT, _GAP, _LETTER, _PAD = 28.0, 22.0, 16.0, 8.2, 6.0
_LINE_LETTERS = 60
_INPUTS = {'y': 'var(--fourth)'}


def draw_tree(name: str, title: str, tree: Tree) -> Figure:
    """A tree from its root at the left to its leaves at the right; a too large expression is shown as text.

    Args:
        name: Name of the figure.
        title: Title of the figure.
        tree: The expression.
    """
    nodes = lay_out(tree)
    if tree.size > MOST_NODES:
        caption = f'An expression of {tree.size} nodes, too many to be drawn as a tree.'
        return Figure(name, title, caption, tree_table(nodes), _text_drawing(title, str(tree)))
    return Figure(name, title, str(tree), tree_table(nodes), _drawing(title, nodes))


def _drawing(title: str, nodes: Sequence[Node]) -> str:
    lefts = _lefts(nodes)
    width = max(left + _width(node) for left, node in zip(lefts, nodes, strict=True)) + 1
    height = _ROW * (max(node.row for node in nodes) + 1)
    edges = [_edge(nodes[node.parent], node, lefts) for node in nodes if node.parent is not None]
    return _svg(title, width, height, [*edges, *(_box(node, lefts) for node in nodes)])


def _lefts(nodes: Sequence[Node]) -> list[float]:
    """The left side of each node, to the right of its operator; nodes do not overlap, since each leaf has its own row."""
    lefts: list[float] = []
    for node in nodes:
        lefts.append(1.0 if node.parent is None else lefts[node.parent] + _width(nodes[node.parent]) + _GAP)
    return lefts


def _width(node: Node) -> float:
    return max(_HEIGHT, len(node.text) * _LETTER + 2 * _PAD)


def _middle(node: Node) -> float:
    return _ROW * (node.row + 0.5)


def _edge(parent: Node, node: Node, lefts: list[float]) -> str:
    start, end = lefts[parent.position] + _width(parent), lefts[node.position]
    bend = (start + end) / 2
    above, below = _middle(parent), _middle(node)
    path = f'M{start:g} {above:g}C{bend:g} {above:g} {bend:g} {below:g} {end:g} {below:g}'
    return f'<path d="{path}" fill="none" stroke="var(--muted)" stroke-width="1.2"/>'


def _box(node: Node, lefts: list[float]) -> str:
    left, middle, width = lefts[node.position], _middle(node), _width(node)
    colour = _colour(node)
    radius = 4 if arity(node.name) else _HEIGHT / 2  # operators are boxes, leaves are pills
    box = f'x="{left:g}" y="{middle - _HEIGHT / 2:g}" width="{width:g}" height="{_HEIGHT:g}" rx="{radius:g}"'
    return (
        f'<rect {box} fill="none" stroke="{colour}" stroke-width="1.3"/>'
        f'<text x="{left + width / 2:g}" y="{middle + 4.5:g}" text-anchor="middle" fill="{colour}">'
        f'{escape(node.text)}</text>'
    )


def _colour(node: Node) -> str:
    if arity(node.name):
        return 'var(--ink)'
    return 'var(--muted)' if is_number(node.name) else _INPUTS.get(node.name, 'var(--third)')


def _text_drawing(title: str, text: str) -> str:
    lines = textwrap.wrap(text, _LINE_LETTERS)
    rows = [
        f'<text x="0" y="{20 * (row + 0.8):g}" fill="var(--ink)">{escape(line)}</text>'
        for row, line in enumerate(lines)
    ]
    return _svg(title, _LINE_LETTERS * _LETTER, 20 * len(lines), rows)


def _svg(title: str, width: float, height: float, parts: Sequence[str]) -> str:
    """An SVG with a maximum width, so that the letters of a small tree are not enlarged on a wide page."""
    head = f'role="img" aria-label="{escape(title)}" viewBox="0 0 {width:g} {height:g}"'
    style = f'max-width: {width:g}px; font-family: inherit; font-size: 13px'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {head} style="{style}">{"".join(parts)}</svg>'
