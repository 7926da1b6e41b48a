"""A shorter form is shown only where its gradient is the same."""

from __future__ import annotations

import random

import pytest

from mmautoloss.expr import Tree, parse, random_tree
from mmautoloss.expr.sympy_simplify import simplify_by_sympy
from mmautoloss.losses import INPUT_KINDS, input_kind
from mmautoloss.losses.short_forms import by_algebra, by_sympy, same_gradient, shorter_form, without_constants

WAYS = (by_algebra, without_constants, by_sympy)


@pytest.mark.parametrize(
    ('text', 'inputs', 'shorter'),
    [
        ('1 * abs(p + tanh(-y))', 'delta', 'abs(p - tanh(y))'),
        ('1 + mean_c(-log(p) * y)', 'softmax', '-mean_c(y * log(p))'),
        ('p * y + p - p * y', 'sigmoid', 'p'),  # SymPy knows, the canonical form does not
        ('mean_nhw(p * y + p - p * y) * y', 'softmax', 'y * mean_nhw(p)'),
        ('1 - i / u', 'area', '-(i / u)'),
        ('mean_nhw(p) * mean_nhw(y) * 1', 'sigmoid', 'mean_nhw(p) * mean_nhw(y)'),
    ],
)
def test_known(text, inputs, shorter):
    assert str(shorter_form(parse(text), input_kind(inputs), WAYS).tree) == shorter


WRONG = {
    'another sign': ('abs(p - y) * 1', 'delta', 'p - y'),
    'a factor': ('(p - y) ** 2 + 0 * p', 'delta', 'abs(p - y) ** 2 * 2'),
    'a little': ('p * y * 1 * 1 * 1', 'sigmoid', 'p * y * 1.0001'),
    'a seam': ('sqrt((p - y) ** 2)', 'delta', 'abs(p - y)'),  # equal by algebra, but at p = y and near it
    'protection': ('exp(2 * log(p * y))', 'sigmoid', '(p * y) ** 2'),  # where y is 0
    'a pool': ('1 * maxpool(p) * y', 'softmax', 'p * y'),
    'a mean': ('mean_nhw(p) * mean_nhw(y) * 1 * 1', 'sigmoid', 'p * y'),
    'a mean at the root': ('mean_nhw(p * y)', 'softmax', 'p * y'),  # equal only without weights
    'means in another order': ('(mean_c(mean_nhw(p)) - y) ** 2 * 1', 'heatmap', '(mean_nhw(mean_c(p)) - y) ** 2'),
    'means by channel': ('-mean_nhw(mean_c(p * y)) * 1', 'sigmoid', '-mean_c(mean_nhw(p * y))'),
    'a value that is Inf': ('p + exp(exp(exp(exp(y * 9))))', 'delta', 'p'),
    'a value beyond float32': ('p + exp(60 * y)', 'delta', 'p'),
    '0 times Inf': ('abs(p - y) + (1 - 1) * exp(exp(exp(exp(p))))', 'delta', 'abs(p - y)'),
    'Inf less Inf': ('abs(p - y) + exp(100) - exp(100)', 'delta', 'abs(p - y)'),
    'constants beyond float32': ('p * y + (1e30 * 1e30 - 1e30 * 1e30)', 'softmax', 'p * y'),
    'no gradient': ('p * p * 1', 'mask', 'y'),
    'not finite': ('exp(exp(p)) * 1', 'heatmap', 'exp(p)'),
}


@pytest.mark.parametrize(('text', 'inputs', 'wrong'), WRONG.values(), ids=WRONG)
def test_a_wrong_simplifier_is_caught(text, inputs, wrong):
    found = shorter_form(parse(text), input_kind(inputs), [lambda tree, kind: parse(wrong)])
    assert found.tree is None
    if parse(wrong).size < parse(text).size:
        assert 'another gradient' in found.reason
    assert not same_gradient(parse(text), parse(wrong), input_kind(inputs))


def test_after_a_wrong_one_a_right_one_is_found():
    ways = [by_algebra, lambda tree, kind: Tree(('p',))]
    assert str(shorter_form(parse('1 * abs(p + -y)'), input_kind('delta'), ways).tree) == 'abs(p - y)'


def test_without_any():
    found = shorter_form(parse('-y * log(p)'), input_kind('softmax'), WAYS)
    assert found.tree is None and 'no shorter form' in found.reason


@pytest.mark.parametrize('inputs', INPUT_KINDS)
def test_what_is_right_passes(inputs):
    kind, rng = input_kind(inputs), random.Random(1)
    trees = [random_tree(rng, kind.names, depth=3) for _ in range(40)]
    simpler = [(tree, without_constants(tree, kind)) for tree in trees if without_constants(tree, kind)]
    assert sum(same_gradient(tree, other, kind) for tree, other in simpler) >= 0.95 * len(simpler)


@pytest.mark.parametrize('text', ['sqrt(p) * exp(-y)', 'p ** 2 / y', 'abs(p) + 0.25', 'tanh(p) * atan(y) - erf(p)'])
def test_sympy_gives_back_what_cannot_be_simpler(text):
    assert simplify_by_sympy(parse(text)).size <= parse(text).size


def test_too_long_for_sympy():
    assert simplify_by_sympy(Tree(('neg',) * 41 + ('p',))) is None
