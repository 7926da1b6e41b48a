"""Evaluation: every sub-expression once, in full precision, with errors that tell what to do."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch

from mmautoloss.errors import ExpressionError
from mmautoloss.expr import PRIMITIVES, Program, Tree, compile_tree, parse
from mmautoloss.expr import program as program_module


def cell(number: float, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.full((1, 1, 1, 1), number, dtype=dtype)


@pytest.fixture
def calls(monkeypatch) -> Counter:
    """Counts how often each operator is computed."""
    counts: Counter = Counter()

    def counting(primitive):
        def function(*operands):
            counts[primitive.name] += 1
            return primitive.function(*operands)

        return primitive._replace(function=function)

    table = {name: counting(primitive) for name, primitive in PRIMITIVES.items()}
    monkeypatch.setattr(program_module, 'PRIMITIVES', table)
    return counts


def test_value_of_known_expressions():
    inputs = {'p': cell(0.25), 'y': cell(3.0)}
    for text, value in [
        ('-mean_c(y * log(p))', -3 * math.log(0.25)),
        ('(p - y) ** 2', 7.5625),
        ('y / p - 1', 11.0),
        ('2', 2.0),
        ('p', 0.25),
    ]:
        assert compile_tree(parse(text))(inputs).item() == pytest.approx(value)


def test_equal_sub_expressions_are_computed_once(calls):
    tree = parse('log(p + y) * log(p + y) + exp(log(p + y)) - log(y + p)')
    found = Program(tree)({'p': cell(0.5), 'y': cell(1.0)}).item()
    log = math.log(1.5)
    assert found == pytest.approx(log * log + 1.5 - log)
    # three logs of p + y are one; that of y + p is another, since nothing is reordered
    assert calls == {'log': 2, 'mul': 1, 'exp': 1, 'neg': 1, 'add': 4}


def test_shared_steps_are_as_many_as_distinct_sub_expressions(trees):
    for tree in trees[::5]:
        program = Program(tree)
        distinct = {tree.subtree(position) for position in range(tree.size)}
        assert len(program.steps) == len(distinct)
        for index, step in enumerate(program.steps):
            assert all(operand < index for operand in step.operands)
        assert program.steps[-1].node == tree.root


def evaluate_by_definition(tree: Tree, inputs: dict) -> torch.Tensor:
    if not tree.operands():
        is_input = tree.root in inputs
        return inputs[tree.root] if is_input else torch.full_like(inputs['p'], float(tree.root))
    operands = [evaluate_by_definition(operand, inputs) for operand in tree.operands()]
    return PRIMITIVES[tree.root].function(*operands)


def test_agrees_with_recursive_evaluation(trees, make_inputs):
    inputs = make_inputs(3, (2, 2, 3, 3))
    for tree in trees[::5]:
        wanted = evaluate_by_definition(tree, inputs)
        found = compile_tree(tree)(inputs)
        torch.testing.assert_close(found, wanted, rtol=0, atol=0, equal_nan=True)


def test_one_tree_has_one_program():
    assert compile_tree(parse('p * y')) is compile_tree(Tree(('mul', 'p', 'y')))


@pytest.mark.parametrize(
    ('given', 'computed'),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
        (torch.int64, torch.float32),
    ],
    ids=str,
)
def test_precision_is_raised_and_never_lowered(given, computed):
    inputs = {'p': cell(3, given), 'y': cell(5, given)}
    assert compile_tree(parse('exp(p * y)'))(inputs).dtype == computed
    assert compile_tree(parse('1'))(inputs).dtype == computed


def test_float32_also_under_autocast():
    inputs = {'p': cell(10.0).requires_grad_(), 'y': cell(1.001)}
    wanted = compile_tree(parse('exp(p * y)'))(inputs)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert (torch.ones(1, 1) @ torch.ones(1, 1)).dtype == torch.bfloat16  # it is on
        found = compile_tree(parse('exp(p * y)'))(inputs)
    assert found.dtype == torch.float32
    assert torch.equal(found, wanted)
    found.sum().backward()
    assert inputs['p'].grad.dtype == torch.float32


def test_constants_alone_take_shape_type_and_device_of_the_inputs():
    found = compile_tree(parse('1 + 1'))({'p': torch.zeros(2, 3, 4, 5, dtype=torch.float64)})
    assert found.dtype == torch.float64
    assert torch.equal(found, torch.full((2, 3, 4, 5), 2.0, dtype=torch.float64))
    assert not found.requires_grad


def test_a_constant_beyond_float32_shows_as_infinity():
    assert compile_tree(parse('1e300'))({'p': cell(1)}).item() == math.inf
    assert compile_tree(parse('1e300'))({'p': cell(1, torch.float64)}).item() == 1e300


def test_nan_and_infinity_show():
    inputs = {'p': cell(math.nan), 'y': cell(math.inf)}
    assert compile_tree(parse('p * 0 + 1'))(inputs).isnan().all()
    assert compile_tree(parse('y + 1'))(inputs).isinf().all()
    assert compile_tree(parse('0 * y'))(inputs).isnan().all()


ONE = torch.ones(1, 1, 1, 1)
REFUSED = {
    'missing input': ('p * y + q', {'p': ONE}, r"'p \* y \+ q' reads q, y, but there is only p\."),
    'no input at all': ('p', {}, 'reads p'),
    'constants without input': ('1 + 1', {}, 'one shape'),
    'shapes': ('p * y', {'p': ONE, 'y': torch.ones(1, 2, 1, 1)}, r"'y': \(1, 2, 1, 1\)"),
    'rows without pixels': ('p', {'p': torch.ones(3, 4)}, r'\(N, C, H, W\), but got .*\(3, 4\)'),
    'a scalar': ('p', {'p': torch.ones(())}, r"'p': \(\)"),
    'five dimensions': ('p', {'p': torch.ones(1, 1, 1, 1, 1)}, 'one shape'),
}


@pytest.mark.parametrize(('text', 'inputs', 'message'), REFUSED.values(), ids=REFUSED)
def test_unfit_inputs_are_refused(text, inputs, message):
    with pytest.raises(ExpressionError, match=message):
        compile_tree(parse(text))(inputs)


def test_further_inputs_do_no_harm():
    assert compile_tree(parse('p'))({'y': ONE, 'p': 2 * ONE}).item() == 2
