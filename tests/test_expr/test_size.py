"""The largest expressions: whatever can be made can be written, read, printed, exported, compiled, pickled and drawn."""

from __future__ import annotations

import pickle
import random

import pytest
import torch

from mmautoloss.errors import ExpressionError
from mmautoloss.expr import (
    MUTATIONS,
    Tree,
    apply,
    canonical,
    compile_tree,
    mutate,
    parse,
    parse_prefix,
    random_tree,
    simplify,
    to_latex,
    without_pools,
)
from mmautoloss.expr.forms import MASKED_TORCH, NUMPY, TORCH, to_sympy, write_code
from mmautoloss.expr.random_trees import MAX_DEPTH as RANDOM_DEPTH
from mmautoloss.expr.tree import MAX_DEPTH, MAX_NODES, fits
from mmautoloss.losses import SearchedLoss, input_kind
from mmautoloss.losses.short_forms import by_algebra, shorter_form
from mmautoloss.report.figures.tree import draw_tree
from mmautoloss.report.page.formatting import maths

INPUTS = ('p', 'y')


def _mutated(seed: int) -> Tree:
    rng, tree = random.Random(seed), parse('p * y')
    while tree.size < MAX_NODES - 2:
        child = MUTATIONS['insert'](tree, rng, INPUTS)
        tree = child if fits(child) else tree
    return tree


def _balanced(operator: str, leaves: int) -> Tree:
    if leaves == 1:
        return Tree(('p',))
    return apply(operator, _balanced(operator, leaves // 2), _balanced(operator, leaves - leaves // 2))


HALF = MAX_DEPTH // 2
LARGEST = {
    'sum': parse('p + ' * MAX_DEPTH + 'p'),
    'sum to the right': parse('y + (' * MAX_DEPTH + 'p' + ')' * MAX_DEPTH),
    'differences': parse('y - (' * HALF + 'p' + ')' * HALF),
    'products of sums': parse('(y + p) * (' * 99 + 'p' + ')' * 99),
    'calls': parse('tanh(' * MAX_DEPTH + 'p' + ')' * MAX_DEPTH),
    'logarithms': parse('log(' * MAX_DEPTH + 'p' + ')' * MAX_DEPTH),
    'signs': parse('-' * MAX_DEPTH + 'p'),
    'squares': Tree(('square',) * MAX_DEPTH + ('p',)),
    'quotients': parse('1 / (' * MAX_DEPTH + 'p' + ')' * MAX_DEPTH),
    'means': parse('mean_nhw(mean_c(' * HALF + 'p' + '))' * HALF),
    'balanced sum': _balanced('add', MAX_NODES // 2),
    'balanced product': _balanced('mul', MAX_NODES // 2),
    **{f'mutated {seed}': _mutated(seed) for seed in range(4)},
}


@pytest.fixture(params=LARGEST.values(), ids=LARGEST)
def tree(request) -> Tree:
    return request.param


def test_text_reads_back(tree):
    assert fits(tree) and (tree.size > MAX_NODES - 5 or tree.depth == MAX_DEPTH)
    assert parse(str(tree)) == tree
    assert pickle.loads(pickle.dumps(tree)) == tree
    assert eval(repr(tree), {'Tree': Tree}) == tree


def test_forms_are_written(tree):
    for style in (NUMPY, TORCH, MASKED_TORCH):
        lines = write_code(tree, style, 'p').statements
        compile('\n'.join([*lines[:-1], f'found = {lines[-1]}']), 'form', 'exec')
    assert maths(to_latex(tree))
    assert draw_tree('tree', 'tree', tree).svg
    try:
        assert to_sympy(tree)
    except ExpressionError as error:  # each logarithm writes its operand twice
        assert 'too long' in str(error) and {'log', 'sqrt'} & set(tree.nodes)
    assert to_sympy(tree, ideal=True)


def test_a_written_form_has_the_value():
    """Deeper than what is named by itself: nested calls are cut into statements."""
    tree = LARGEST['calls']
    p = torch.rand(1, 1, 2, 2, dtype=torch.float64)
    *lines, last = write_code(tree, TORCH, 'p').statements
    names: dict = {'p': p, 'torch': torch}
    exec('\n'.join([*lines, f'found = {last}']), names)
    torch.testing.assert_close(names['found'], compile_tree(tree)({'p': p}))


def test_keys_are_found(tree):
    for form in (simplify(tree), canonical(tree, {'p'}), without_pools(tree)):
        assert form is None or str(form)
    shorter = shorter_form(tree, input_kind('sigmoid'), (by_algebra,))
    assert shorter.tree is None or shorter.tree.size < tree.size


@pytest.mark.parametrize('kind', ['softmax', 'delta'])
def test_losses_are_computed(tree, kind):
    target = torch.randint(0, 3, (8,)) if kind == 'softmax' else torch.rand(8, 3)
    logits = torch.randn(8, 3, requires_grad=True)
    loss = SearchedLoss(str(tree), inputs=kind)
    assert str(tree) in repr(loss)
    loss(logits, target).backward()
    assert logits.grad.shape == logits.shape


TOO_LARGE = {
    'terms': 'p+' * 420 + 'p',
    'calls': 'abs(' * 210 + 'p' + ')' * 210,
    'one more': 'tanh(' * (MAX_DEPTH + 1) + 'p' + ')' * (MAX_DEPTH + 1),
    'signs': '-' * (MAX_DEPTH + 1) + 'p',
}


@pytest.mark.parametrize('text', TOO_LARGE.values(), ids=TOO_LARGE)
def test_larger_text_is_refused_in_a_sentence(text):
    for read in (parse, lambda text: SearchedLoss(text, inputs='sigmoid')):
        with pytest.raises(ExpressionError) as caught:
            read(text)
        assert len(str(caught.value)) < 700 and '\n' not in str(caught.value)


def test_no_other_way_leads_beyond():
    tree = LARGEST['signs']
    ways = [
        lambda: apply('abs', tree),
        lambda: tree.replace(0, apply('add', parse('p'), tree)),
        lambda: Tree(('neg', *tree.nodes)),
        lambda: parse(f'-({tree})'),
        lambda: parse(f'p * ({tree})'),
        lambda: parse_prefix('Softplus(' * 6 + 'Y' + ')' * 6),
        lambda: apply('add', LARGEST['balanced sum'], parse('p')),
    ]
    for way in ways:
        with pytest.raises(ExpressionError, match='nodes'):
            way()


def test_a_search_never_draws_a_larger_one():
    rng = random.Random(1)
    assert max(random_tree(rng, INPUTS, RANDOM_DEPTH).size for _ in range(60)) <= MAX_NODES
    for tree in (LARGEST['mutated 0'], LARGEST['sum'], LARGEST['signs']):
        for _ in range(100):
            tree, _ = mutate(tree, rng, INPUTS, max_nodes=10**9)
            assert parse(str(tree)) == tree
