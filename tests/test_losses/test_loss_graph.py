"""The published aggregation: sum over channels, mean over samples and pixels."""

from __future__ import annotations

import pytest
import torch

from mmautoloss.errors import ExpressionError
from mmautoloss.expr import parse
from mmautoloss.losses import LossGraph


def test_aggregation():
    p = torch.arange(48.0).reshape(2, 3, 2, 4)
    assert LossGraph('p')(p=p).item() == pytest.approx(sum(range(48)) / (2 * 2 * 4))


@pytest.mark.parametrize('text', ['mean_c(p * y)', 'mean_nhw(p * y)', 'mean_nhw(mean_c(p * y))'])
def test_a_mean_at_the_root_changes_nothing(text):
    p, y = torch.rand(2, 2, 3, 4, 5).unbind()
    torch.testing.assert_close(LossGraph(text)(p=p, y=y), LossGraph('p * y')(p=p, y=y))


def test_elements_before_aggregation():
    p = torch.rand(2, 3, 4, 5)
    assert torch.equal(LossGraph('p + 1').elements({'p': p}), p + 1)


def test_takes_text_or_a_tree_and_shows_it():
    for expression in ('p*y', parse('p * y')):
        graph = LossGraph(expression)
        assert graph.tree == parse('p * y')
        assert "'p * y'" in repr(graph)
    with pytest.raises(ExpressionError, match='relu'):
        LossGraph('relu(p)')


def test_no_samples_give_a_zero_with_gradient():
    p = torch.zeros(0, 3, 4, 4, requires_grad=True)
    value = LossGraph('mean_nhw(p) ** 2 + maxpool(p)')(p=p)
    assert value.item() == 0
    value.backward()
    assert p.grad.shape == p.shape


def test_gradient_reaches_every_input_that_needs_it():
    p = torch.rand(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    y = torch.rand(2, 3, 4, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: LossGraph('-mean_c(y * log(p))')(p=x, y=y), p)
