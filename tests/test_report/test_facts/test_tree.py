"""Trees are drawn whole, in order, and without one thing over another."""

from __future__ import annotations

import itertools
import random
from xml.etree import ElementTree

import pytest

from mmautoloss.expr import Tree, mutate, parse, random_tree
from mmautoloss.expr.tree import arity
from mmautoloss.losses import ZOO
from mmautoloss.report.facts.tree import lay_out
from mmautoloss.report.figures.tree import MOST_NODES, draw_tree


def some_trees(count: int) -> list[Tree]:
    rng, trees = random.Random(0), []
    for _ in range(count):
        tree = random_tree(rng, ('p', 'y'), rng.randint(0, 4))
        for _ in range(rng.randint(0, 12)):
            tree = mutate(tree, rng, ('p', 'y'), MOST_NODES)[0]
        trees.append(tree)
    return trees


def test_every_node_has_its_place() -> None:
    for tree in some_trees(300):
        nodes = lay_out(tree)
        assert [node.name for node in nodes] == list(tree.nodes)
        leaves = [node for node in nodes if not arity(node.name)]
        assert [leaf.row for leaf in leaves] == list(range(len(leaves)))
        assert max(node.column for node in nodes) == tree.depth
        for node in nodes:
            children = [other for other in nodes if other.parent == node.position]
            assert [child.position for child in children] == list(tree.children(node.position))
            if children:
                assert node.row == sum(child.row for child in children) / len(children)


def boxes(svg: str) -> list[tuple[float, float, float, float]]:
    rects = ElementTree.fromstring(svg).iter('{http://www.w3.org/2000/svg}rect')
    return [tuple(float(rect.get(key)) for key in ('x', 'y', 'width', 'height')) for rect in rects]


def test_nothing_is_drawn_over_anything_else_or_outside() -> None:
    for tree in some_trees(150):
        svg = draw_tree('tree', str(tree), tree).svg
        found = boxes(svg)
        assert len(found) == tree.size
        *_, width, height = map(float, ElementTree.fromstring(svg).get('viewBox').split())
        assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in found)
        for (x, y, w, h), (x2, y2, w2, h2) in itertools.combinations(found, 2):
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_what_stands_in_the_boxes() -> None:
    svg = draw_tree('tree', 'a < b', parse('-mean_c(y * log(p)) + 0.25 / abs(p)')).svg
    texts = [text.text for text in ElementTree.fromstring(svg).iter('{http://www.w3.org/2000/svg}text')]
    assert sorted(texts) == sorted(
        ['+', '\u2212', 'mean_c', '\u00d7', 'y', 'log', 'p', '\u00d7', '0.25', '1/x', '|x|', 'p']
    )
    assert ElementTree.fromstring(svg).get('aria-label') == 'a < b'
    assert '#' not in svg  # colours are the page's


def test_the_table_tells_the_tree() -> None:
    tree = parse('-y * log(p)')
    table = draw_tree('tree', '', tree).table
    assert table.column('name') == list(tree.nodes)
    assert table.column('parent') == [None, 0, 1, 0, 3]


def test_a_large_expression_is_text() -> None:
    text = ZOO['adaptive_wing'].expression
    tree = parse(text)
    assert tree.size > MOST_NODES
    figure = draw_tree('tree', '', tree)
    texts = [part.text for part in ElementTree.fromstring(figure.svg).iter('{http://www.w3.org/2000/svg}text')]
    assert ' '.join(texts) == str(tree)
    assert str(tree.size) in figure.caption and not boxes(figure.svg)


@pytest.mark.parametrize('text', ['p', '1', '-p'])
def test_the_smallest_trees(text: str) -> None:
    assert len(boxes(draw_tree('tree', '', parse(text)).svg)) == parse(text).size
