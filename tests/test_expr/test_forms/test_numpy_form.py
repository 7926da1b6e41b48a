"""NumPy code has the values of the graph that it was written from."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from mmautoloss.expr import PRIMITIVES, Tree, compile_tree, parse
from mmautoloss.expr.forms import NUMPY, write_code
from mmautoloss.expr.forms.statements import OPERATIONS
from tests.test_expr.test_forms.conftest import to_function


def value_of(tree: Tree, inputs: Mapping[str, Tensor]) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # an overflow is Inf, in both
        return torch.as_tensor(np.array(to_function(tree, NUMPY)(inputs['p'].numpy(), inputs['y'].numpy())))


def test_equal_to_the_graph(graphs_and_inputs):
    """Within 1e-12; a few graphs magnify how differently two libraries round, such as ``log(erf(4))``."""
    graphs, inputs = graphs_and_inputs
    differing = []
    for tree in graphs:
        found, wanted = value_of(tree, inputs), compile_tree(tree)(inputs)
        assert found.shape == wanted.shape, tree
        if not torch.allclose(found, wanted, rtol=1e-12, atol=0, equal_nan=True):
            differing.append(tree)
            torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-14, equal_nan=True)
    assert len(differing) <= 2, differing


def test_a_row_is_a_map_of_one_cell():
    tree = parse('maxpool(p) * minpool(y) - mean_nhw(p)')
    inputs = {name: torch.randn(7, 3, 1, 1, dtype=torch.float64) for name in ('p', 'y')}
    torch.testing.assert_close(value_of(tree, inputs), compile_tree(tree)(inputs))


KNOWN = [
    ('-y * log(p)', ['-y * log(p)']),
    ('p / (y + 1) - -1', ['p / (y + 1 + EPS) - -1']),
    ('p * (1 / y)', ['p / (y + EPS)']),
    ('(p - y) ** 2 * (p - y)', ['a = p - y', 'a**2 * a']),
    ('exp(1) * p', ['np.exp(1.0) * p']),
    ('1 / (1 + 1)', ['a = 1 / (np.float64(1.0) + np.float64(1.0) + EPS)', 'np.full(p.shape, a)']),
    ('p * mean_nhw(1)', ['p * np.float64(1.0)']),
    ('1e300 * p', ['np.float64(1e300) * p']),
]


@pytest.mark.parametrize(('text', 'statements'), KNOWN)
def test_how_it_is_written(text, statements):
    assert list(write_code(parse(text), NUMPY, 'p').statements) == statements


def test_no_statement_is_long(graphs):
    for tree in graphs:
        *named, last = write_code(tree, NUMPY, 'p').statements
        assert max(map(len, (*named, f'return {last}'))) <= 88 - len('    '), tree


def test_every_operator_has_a_way_to_be_written():
    written = {*NUMPY.calls, *OPERATIONS, 'inv'}
    assert set(PRIMITIVES) <= written
