"""Dice equals mmdet's DiceLoss: one instance as rows, several as channels of a map."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip('mmdet.models', reason='compares with the losses of mmdet', exc_type=ImportError)
from mmdet.models.losses import DiceLoss

from mmautoloss.losses import LossGraph, SearchedLoss, known_loss

PIXELS = 48


@pytest.fixture
def instance():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(PIXELS, 1, generator=generator, dtype=torch.float64)
    mask = torch.randint(0, 2, (PIXELS, 1), generator=generator).double()
    return logits, mask


def value_and_gradient(loss, logits):
    logits = logits.clone().requires_grad_()
    value = loss(logits)
    return value.detach(), torch.autograd.grad(value, logits)[0]


def assert_equal(ours, theirs, logits, tol):
    for one, other in zip(value_and_gradient(ours, logits), value_and_gradient(theirs, logits), strict=True):
        torch.testing.assert_close(one, other, rtol=tol, atol=tol)


def test_one_instance_with_its_pixels_as_rows(instance, zoo_loss):
    logits, mask = instance
    ours, theirs = zoo_loss('dice', 'sigmoid'), DiceLoss(eps=1e-12)
    assert_equal(lambda x: ours(x, mask), lambda x: theirs(x.T, mask.T), logits, tol=1e-9)


def test_the_eps_of_mmdet_is_a_constant_of_the_formula(instance):
    """By definition: mmdet adds 1e-3 to both sums, the known formula only our own eps."""
    logits, mask = instance
    text = known_loss('dice', 'sigmoid')
    text = text.replace('mean_nhw(y ** 2)', f'mean_nhw(y ** 2) + {2e-3 / PIXELS}')
    ours = SearchedLoss(text, inputs='sigmoid')
    # the sum over the mask is one of float32 in mmdet
    assert_equal(lambda x: ours(x, mask), lambda x: DiceLoss()(x.T, mask.T), logits, tol=1e-7)


def test_several_instances_as_channels_of_one_map():
    """Means over n, h, w are means of an instance; the sum over channels is one of instances."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(1, 5, 6, 8, generator=generator, dtype=torch.float64)
    masks = torch.randint(0, 2, (1, 5, 6, 8), generator=generator).double()
    graph, theirs = LossGraph(known_loss('dice', 'sigmoid')), DiceLoss(reduction='sum', eps=1e-12)
    assert_equal(
        lambda x: graph(p=x.sigmoid(), y=masks),
        lambda x: theirs(x.squeeze(0), masks.squeeze(0)),
        logits,
        tol=1e-9,
    )


def test_an_empty_mask(zoo_loss):
    logits, mask = torch.randn(PIXELS, 1, dtype=torch.float64), torch.zeros(PIXELS, 1)
    ours, theirs = zoo_loss('dice', 'sigmoid'), DiceLoss(eps=1e-12)
    assert_equal(lambda x: ours(x, mask), lambda x: theirs(x.T, mask.T), logits, tol=1e-9)


def test_many_instances_as_rows_are_one_sample(zoo_loss):
    """By definition: the rows of a call are pixels of one sample, and a channel is a class."""
    logits = torch.randn(PIXELS, 3, dtype=torch.float64)
    mask = torch.randint(0, 2, (PIXELS, 3)).double()
    ours, theirs = zoo_loss('dice', 'sigmoid'), DiceLoss(reduction='sum', eps=1e-12)
    assert_equal(lambda x: ours(x, mask), lambda x: theirs(x.T, mask.T), logits, tol=1e-9)
