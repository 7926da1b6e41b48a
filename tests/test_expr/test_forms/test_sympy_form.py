"""SymPy reads what is written, and it has the value of the expression."""

from __future__ import annotations

import math
import random

import pytest
import sympy
import torch

from mmautoloss.expr import Tree, compile_tree, parse, random_tree
from mmautoloss.expr.forms import to_sympy

KNOWN = [
    ('-y * log(p)', '-y * (sign(p) * log(Abs(p) + 1.0e-12))', '-y * log(p)'),
    ('p / y', 'p / (y + 1.0e-12)', 'p / y'),
    ('1 / (p * y)', '1 / (p * y + 1.0e-12)', '1 / (p * y)'),
    ('(p - y) ** 2 + (p - y)', '(p - y) ** 2 + (p - y)', '(p - y) ** 2 + (p - y)'),
    ('abs(maxpool(p) - mean_c(y))', 'Abs(maxpool(p) - mean_c(y))', 'Abs(maxpool(p) - mean_c(y))'),
    ('sqrt(-1)', '(sign(-1) * sqrt(Abs(-1) + 1.0e-12))', 'sqrt(-1)'),
]


@pytest.mark.parametrize(('text', 'exact', 'ideal'), KNOWN)
def test_how_it_is_written(text, exact, ideal):
    assert to_sympy(parse(text)) == exact
    assert to_sympy(parse(text), ideal=True) == ideal


def pointwise(tree: Tree) -> Tree:
    return Tree('tanh' if node.startswith(('mean', 'max', 'min')) else node for node in tree.nodes)


def value_of(text: str, point: dict[str, float]) -> float:
    symbols = {name: sympy.Symbol(name, real=True) for name in point}
    return float(sympy.lambdify(list(symbols.values()), sympy.sympify(text, locals=symbols), 'math')(*point.values()))


@pytest.mark.parametrize('seed', range(150))
def test_read_back_it_has_the_same_value(seed):
    rng = random.Random(seed)
    tree = pointwise(random_tree(rng, ('p', 'y'), depth=3 + seed % 2))
    for _ in range(3):
        point = {'p': rng.uniform(-1, 1), 'y': rng.uniform(-1, 1)}
        inputs = {name: torch.full((1, 1, 1, 1), value, dtype=torch.float64) for name, value in point.items()}
        wanted = compile_tree(tree)(inputs).item()
        try:
            found = value_of(to_sympy(tree), point)
        except OverflowError:
            found = math.inf
        if abs(wanted) > 1e200:
            assert abs(found) > 1e200, tree
        else:
            assert found == pytest.approx(wanted, rel=1e-6, abs=1e-9), tree


def test_ideal_form_is_equal_where_logarithms_are_of_positive_numbers():
    tree, point = parse('-(y * log(p) + (1 - y) * log(1 - p)) / sqrt(p)'), {'p': 0.3, 'y': 1.0}
    assert value_of(to_sympy(tree, ideal=True), point) == pytest.approx(value_of(to_sympy(tree), point), rel=1e-9)


def test_means_and_pools_stay_functions():
    found = sympy.sympify(to_sympy(parse('mean_nhw(p * y) + minpool(maxpool(p)) - mean_c(y)'), ideal=True))
    names = {str(each.func) for each in found.atoms(sympy.core.function.AppliedUndef)}
    assert names == {'mean_nhw', 'mean_c', 'maxpool', 'minpool'}
    assert found.free_symbols == set(sympy.symbols('p y'))
