"""The canonical form keeps the gradient with respect to the prediction, and finds duplicates."""

from __future__ import annotations

import random
import time

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import Tree, canonical, compile_tree, parse
from mmautoloss.expr.tree import format_number, join

SAME = [
    ('y * log(p)', 'log(p) * y'),
    ('-(y * log(p))', '-y * log(p)'),
    ('-mean_c(y * log(p))', 'mean_c(-(y * log(p)))'),
    ('mean_nhw(mean_nhw(-p))', '-mean_nhw(p)'),
    ('1 - mean_c(p)', '-mean_c(p)'),
    ('p + y', 'p'),
    ('p - y * y', 'p + exp(y)'),
    ('p + y * p - 1', 'y * p + p'),
    ('p + exp(exp(y))', 'p - exp(exp(y)) - y'),
    ('(p - y) ** 2', '(y - p) ** 2'),
    ('abs(p - y)', 'abs(y - p)'),
    ('(p - y) * (p - y)', '(p - y) ** 2'),
    ('(p - y) * (y - p)', '-(p - y) ** 2'),
    ('abs(p - y) * abs(y - p)', '(p - y) ** 2'),
    ('maxpool(-p)', '-minpool(p)'),
    ('tanh(-(p - y))', 'tanh(y - p)'),
    ('-(p * -(y * exp(p)))', 'exp(p) * y * p'),
    ('p / y', 'p * (1 / y)'),
    ('p ** 3', 'p * p * p'),
    ('p / 1', 'p'),
    ('log(1) + p', 'p'),
    ('1 + (y - (1 - p))', 'p'),
]
DIFFERENT = [
    ('p', '-p'),
    ('p', '2 * p'),
    ('p', 'mean_c(p)'),  # where elements have weights
    ('mean_nhw(mean_c(p))', 'mean_c(mean_nhw(p))'),  # where other positions count in each channel
    ('p', 'p + 0 * exp(p)'),  # where it overflows
    ('p', 'p + exp(exp(y))'),
    ('p', 'p + (1 - 1) / p'),
    ('p', 'p + 1e30 * 1e30 * y'),  # Inf in float32
    ('p', 'exp(100) * exp(-100) * p'),
    ('p', 'p ** 2'),
    ('p * y', 'p + y'),
    ('y * log(p)', 'p * log(y)'),
    ('(p - y) ** 2', 'p ** 2 - y ** 2'),
    ('abs(p - y)', 'abs(p + y)'),
    ('mean_c(p) * y', 'p * mean_c(y) * y'),
    ('mean_c(p) ** 2', 'mean_c(p ** 2)'),
    ('mean_c(p) ** 2', 'mean_nhw(p) ** 2'),
    ('exp(p)', 'exp(-p)'),
    ('exp(1 + p)', 'exp(p)'),
    ('1 / p', '-1 / -p'),  # eps makes them differ at the pole
    ('maxpool(p)', 'minpool(p)'),
    ('maxpool(p)', 'p'),
    ('abs(p)', 'p'),
    ('sqrt(p ** 2)', 'abs(p)'),  # at 0, one of them has no slope
    ('sqrt(p) ** 2', 'p'),
]
NO_GRADIENT = ['1', 'y', 'exp(y) - 1', 'mean_c(y)', '0 * p', 'log(1) * p', '-(p * 0) + y', '-1']


def gradient(tree: Tree, inputs: dict[str, Tensor]) -> Tensor:
    """Gradient of ``1/(N*H*W) * sum`` with respect to ``p``; 0 where there is none."""
    value = compile_tree(tree)(inputs).sum(dim=1).mean()
    if not value.requires_grad:
        return torch.zeros_like(inputs['p'])
    return torch.autograd.grad(value, inputs['p'])[0]


def close(left: Tensor, right: Tensor) -> bool:
    """Equal where finite, and finite in the same places; 1e-4 of the largest in float32."""
    finite = torch.isfinite(left)
    rtol, atol = (1e-6, 1e-9) if left.dtype == torch.float64 else (1e-3, 1e-5)
    atol *= max(1.0, left[finite].abs().max().item() if finite.any() else 0.0)
    same = torch.allclose(left[finite], right[finite], rtol, atol)
    return torch.equal(finite, torch.isfinite(right)) and same


def in_float32(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        'p': inputs['p'].detach().float().requires_grad_(),
        'y': inputs['y'].float(),
    }


@pytest.mark.parametrize(('one', 'other'), SAME)
def test_same_loss_same_form(one, other, make_inputs):
    assert canonical(parse(one), {'p'}) == canonical(parse(other), {'p'})
    inputs = make_inputs(0)  # the table itself is right: their gradients agree
    torch.testing.assert_close(gradient(parse(one), inputs), gradient(parse(other), inputs))


@pytest.mark.parametrize(('one', 'other'), DIFFERENT)
def test_different_losses_different_forms(one, other):
    assert canonical(parse(one), {'p'}) != canonical(parse(other), {'p'})


@pytest.mark.parametrize('text', NO_GRADIENT)
def test_no_form_without_gradient(text, make_inputs):
    assert canonical(parse(text), {'p'}) is None
    inputs = in_float32(make_inputs(0))
    assert not gradient(parse(text), inputs).any()


@pytest.mark.parametrize('operator', ['add', 'mul'])
def test_long_chains_take_no_longer_than_their_length_asks_for(operator):
    """Whatever the brackets, and far beyond what an expression may have; 400 terms took 20 seconds."""
    leaves = [join('tanh', join('add', parse('p'), Tree((format_number(n),)))) for n in range(2, 402)]
    forms, began = set(), time.process_time()
    for seed in range(3):
        parts = random.Random(seed).sample(leaves, len(leaves))
        while len(parts) > 1:  # from the left, or in pairs
            first = join(operator, parts.pop(0), parts.pop(0))
            parts.insert(0 if seed else len(parts), first)
        forms.add(canonical(join('neg', join('neg', parts[0])), {'p'}))
    assert len(forms) == 1 and time.process_time() - began < 2


def test_sums_in_sums_with_signs_are_one_sum():
    tree = parse('p')
    for number in range(300):
        tree = join('neg', join('add', tree, parse('y * p' if number % 2 else 'exp(p)')))
    began = time.process_time()
    form = canonical(tree, {'p'})
    assert form.nodes.count('neg') <= 302 and time.process_time() - began < 2
    assert canonical(form, {'p'}) == form


def test_the_prediction_may_have_several_names():
    tree = parse('1 - i / u + y')
    assert str(canonical(tree, {'i', 'u', 'e'})) == '-(i / u)'
    assert canonical(tree, ('e',)) is None


def test_gradient_is_kept(trees, make_inputs):
    inputs = make_inputs(2, (2, 2, 3, 3))
    single = in_float32(inputs)
    only_in_float32, without = 0, 0
    some = trees[::4]
    for tree in some:
        form = canonical(tree, {'p'})
        without += form is None
        kept = form or Tree(('1',))
        if not close(gradient(tree, inputs), gradient(kept, inputs)):
            # constants are folded as float32 has them: log(1) is 0 there, and 1e-12 in float64
            assert close(gradient(tree, single), gradient(kept, single)), f'{tree} is not {form}'
            only_in_float32 += 1
    assert only_in_float32 < len(some) / 30
    assert 50 < without < 0.8 * len(some)


def test_finds_duplicates_among_random_trees(trees):
    forms = {canonical(tree, {'p'}) for tree in set(trees)}
    assert len(forms) < 0.9 * len(set(trees))
