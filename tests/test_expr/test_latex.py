"""Expressions as LaTeX: known strings, and well-formed ones for thousands of trees."""

from __future__ import annotations

import re

import pytest
from latex2mathml.converter import convert
from matplotlib.mathtext import MathTextParser

from mmautoloss.expr import PRIMITIVES, Tree, parse, to_latex

KNOWN = [
    ('p', r'\hat{y}'),
    ('y', 'y'),
    ('i * u * e', r'I \cdot U \cdot E'),
    ('iou', 'iou'),
    ('my_map + 1', r'my\_map + 1'),
    ('p + y', r'\hat{y} + y'),
    ('p - y', r'\hat{y} - y'),
    ('p - (y - 1)', r'\hat{y} - \left(y - 1\right)'),
    ('p + (y + 1)', r'\hat{y} + \left(y + 1\right)'),
    ('-p + y', r'-\hat{y} + y'),
    ('-(p + y)', r'-\left(\hat{y} + y\right)'),
    ('--p', r'-\left(-\hat{y}\right)'),
    ('p * y', r'\hat{y} \cdot y'),
    ('p * -y', r'\hat{y} \cdot \left(-y\right)'),
    ('-p * y', r'\left(-\hat{y}\right) \cdot y'),
    ('-(p * y)', r'-\hat{y} \cdot y'),
    ('p * (y + 1)', r'\hat{y} \cdot \left(y + 1\right)'),
    ('p * (y * 1)', r'\hat{y} \cdot \left(y \cdot 1\right)'),
    ('p / y', r'\frac{\hat{y}}{y}'),
    ('1 / p', r'\frac{1}{\hat{y}}'),
    ('(p + y) / (1 - y)', r'\frac{\hat{y} + y}{1 - y}'),
    ('p ** 2', r'\hat{y}^{2}'),
    ('(p - y) ** 2', r'\left(\hat{y} - y\right)^{2}'),
    ('(p ** 2) ** 2', r'\left(\hat{y}^{2}\right)^{2}'),
    ('(1 / p) ** 2', r'\left(\frac{1}{\hat{y}}\right)^{2}'),
    ('exp(-p)', r'e^{-\hat{y}}'),
    ('exp(p) ** 2', r'\left(e^{\hat{y}}\right)^{2}'),
    ('abs(p)', r'\left|\hat{y}\right|'),
    ('sqrt(tanh(p))', r'\sqrt{\tanh\left(\hat{y}\right)}'),
    ('mean_nhw(p)', r'\operatorname{mean}_{nhw}\left(\hat{y}\right)'),
    ('maxpool(minpool(y))',
     r'\operatorname{maxpool}\left(\operatorname{minpool}\left(y\right)\right)'),
    ('0.25 * p', r'0.25 \cdot \hat{y}'),
    ('1e-7 * p', r'1 \cdot 10^{-7} \cdot \hat{y}'),
    ('p * 2.5e20', r'\hat{y} \cdot \left(2.5 \cdot 10^{20}\right)'),
    ('1e-7 ** 2', r'\left(1 \cdot 10^{-7}\right)^{2}'),
    ('p / 1e-7', r'\frac{\hat{y}}{1 \cdot 10^{-7}}'),
]  # fmt: skip


@pytest.mark.parametrize(('text', 'latex'), KNOWN)
def test_known(text, latex):
    assert to_latex(parse(text)) == latex


@pytest.mark.parametrize('name', PRIMITIVES)
def test_templates_of_the_operators_agree_with_what_is_written(name):
    operands = ('a', 'b')[: PRIMITIVES[name].arity]
    assert to_latex(Tree((name, *operands))) == PRIMITIVES[name].latex.format(*operands)


def braces_match(text: str) -> bool:
    depth = 0
    for sign in re.findall('[{}]', text):
        depth += 1 if sign == '{' else -1
        if depth < 0:
            return False
    return depth == 0


def test_well_formed_for_every_tree(trees):
    for tree in trees:
        text = to_latex(tree)
        assert braces_match(text), tree
        assert text.count(r'\left(') == text.count(r'\right)')
        assert text.count(r'\left|') == text.count(r'\right|')
        assert not re.search(r'[+-] [+-]|\{\}|\d[eE]|--', text), text


def test_different_losses_look_different(trees):
    written: dict[str, Tree] = {}
    for tree in trees:
        if 'mul 1 inv' in ' '.join(tree.nodes):  # 1 * (1 / p) is set as 1 / p
            continue
        assert written.setdefault(to_latex(tree), tree) == tree


def test_renderers_read_every_formula(trees):
    """latex2mathml all of them, matplotlib, which is slow, some."""
    parser = MathTextParser('path')
    for number, tree in enumerate(trees):
        assert convert(to_latex(tree)).startswith('<math')
        if number % 50 == 0:
            parser.parse(f'${to_latex(tree)}$')
