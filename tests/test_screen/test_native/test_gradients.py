"""Gradients in compiled code against autograd, over thousands of random graphs and every kind of call."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from mmautoloss.expr import Tree, canonical, parse, random_tree
from mmautoloss.losses import SearchedLoss, plain_loss
from mmautoloss.losses.inputs.rows import as_nchw
from mmautoloss.screen import Probe, RejectionTest, Sample, gradient_norms, gradient_signature
from mmautoloss.screen.native.fingerprints import SampleGradients
from mmautoloss.screen.native.layout import flat
from mmautoloss.screen.native.lowering import lower
from mmautoloss.screen.native.sample_arrays import SampleArrays, divisor_of
from tests.test_screen.test_native.conftest import CALLS, loss_by_hand, make_calls

GRAPHS = 300


def graphs(probe: Probe, count: int) -> Iterator[Tree]:
    """Random expressions that depend on the prediction."""
    rng = random.Random(1)
    while count:
        form = canonical(random_tree(rng, probe.kind.names, rng.choice([2, 3, 4])), probe.kind.from_prediction)
        if form is not None:
            count -= 1
            yield form


def by_autograd(sample: Sample, probe: Probe, tree: Tree, dtype: torch.dtype) -> np.ndarray:
    """The gradient with respect to the predictions that count, as a line."""
    loss = SearchedLoss(tree, inputs=probe.inputs)
    pred = sample.pred.to(dtype).requires_grad_()
    value = sample.loss(loss, pred)
    if not value.requires_grad:
        return np.zeros(0)
    (gradient,) = torch.autograd.grad(value, pred)
    rows = probe.kind.rows(gradient, sample.target, sample.weight, sample.ignore_index)
    return as_nchw(rows.pred).movedim(0, -1).reshape(-1).double().numpy()


@pytest.mark.parametrize('calls', CALLS)
def test_gradient_of_random_graphs(calls: str) -> None:
    """No further from the gradient in double precision than torch's own in single precision, up to a factor.

    But for one graph in a hundred, such as ``1 / log(1 / i)`` where i is nearly 1, in which luck decides.
    """
    probe = make_calls(calls)
    sample = RejectionTest().sample(probe)
    field = SampleArrays(probe.kind, sample, divisor_of(sample, probe.kind))
    compared, off = 0, []
    for tree in graphs(probe, GRAPHS):
        single, double = (by_autograd(sample, probe, tree, dtype) for dtype in (torch.float32, torch.float64))
        if not single.size:
            continue
        field.load(lower(tree, probe.kind))
        found = field.gradient().astype(np.float64)
        if np.isfinite(found).all() != np.isfinite(single).all():
            off.append(str(tree))
        elif np.isfinite(single).all() and np.isfinite(double).all():
            scale = np.abs(double).max()
            allowed = 100 * np.abs(single - double).max() + 1e-4 * scale + 1e-8
            if np.abs(found - double).max() > allowed:
                off.append(str(tree))
            compared += scale > 0
    assert compared > GRAPHS / 2
    assert len(off) <= GRAPHS // 100, off


SETTINGS = {
    'softmax': {'class_weight': [0.2, 4.0, 1.0, 0.5]},
    'softmax maps': {'class_weight': [0.2, 4.0, 1.0, 0.0, 2.0, 0.5], 'average': 'class_weight'},
    'sigmoid': {'pos_weight': [0.2, 4.0, 1.0]},
    'mask': {'pos_weight': [3.0]},
    'heatmap': {'use_target_weight': False},
}


@pytest.mark.parametrize('calls', SETTINGS)
def test_gradient_with_the_weights_of_a_hand_made_loss(calls: str) -> None:
    probe = make_calls(calls)
    probe = replace(probe, samples=tuple(replace(sample, settings=SETTINGS[calls]) for sample in probe.samples))
    joined = probe.joined()
    tree = parse('(p - y) ** 2 * (1 + y)')
    loss = SearchedLoss(tree, probe.inputs, **SETTINGS[calls])
    for sample in (*probe.samples, joined):
        field = SampleArrays(probe.kind, sample, divisor_of(sample, probe.kind))
        field.load(lower(tree, probe.kind))
        wanted = sample.rows(probe.kind, sample.gradient(loss)).pred
        np.testing.assert_allclose(field.gradient(), flat(as_nchw(wanted)), rtol=2e-4, atol=1e-8)
        plain = sample.gradient(plain_loss(tree, probe.inputs, probe.settings))
        torch.testing.assert_close(plain, sample.gradient(loss))
    assert not torch.allclose(joined.gradient(loss), joined.gradient(SearchedLoss(tree, probe.inputs)))


@pytest.mark.parametrize('calls', CALLS)
def test_norms_and_signatures_are_those_of_the_plain_screen(calls: str) -> None:
    probe = make_calls(calls).scattered()
    loss = loss_by_hand(calls)
    gradients, program = SampleGradients(probe), lower(loss.graph.tree, probe.kind)
    assert gradients.norms(program) == pytest.approx(gradient_norms(loss, probe), rel=1e-4)
    assert gradients.signature(program) == pytest.approx(gradient_signature(loss, probe), rel=1e-3, abs=1e-5)


def test_flat_and_back() -> None:
    from mmautoloss.screen.native.layout import unflat

    for shape in ((5, 3), (5, 3, 4, 2)):
        tensor = torch.randn(shape)
        assert torch.equal(unflat(flat(tensor), shape), tensor)


def test_operators_that_the_compiled_code_does_not_know() -> None:
    from mmautoloss.expr import parse

    probe = make_calls('delta')
    assert lower(parse('erf(p - y)'), probe.kind) is None
    assert lower(parse('tanh(p - y)'), probe.kind) is not None


def test_what_does_not_depend_on_the_prediction_comes_first() -> None:
    from mmautoloss.expr import parse

    program = lower(parse('exp(p) * exp(y) + 1'), make_calls('delta').kind)
    assert program.first == 1 and len(program.code) == 4
    assert program.constants and not program.pools
    assert lower(parse('maxpool(p)'), make_calls('heatmap').kind).pools
