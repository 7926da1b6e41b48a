"""Sure mistakes, and what does not count: the compiled screen has the gradients of the loss, whatever the numbers."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import parse, random_tree
from mmautoloss.losses import INPUT_KINDS, InputKind, Rows, SearchedLoss, as_nchw, choose_rows, register_kind
from mmautoloss.screen import RejectionTest, Sample
from mmautoloss.screen.fast import FastScreen
from mmautoloss.screen.native.layout import flat
from mmautoloss.screen.native.lowering import lower
from mmautoloss.screen.native.sample_arrays import SampleArrays
from mmautoloss.screen.screen import ProbeScreen, Verdict
from tests.test_screen.test_native.conftest import make_calls

LOGS = (
    'log(p)',
    'log(1 - p)',
    '-log(p - 1) * y',
    'log(p) * log(1 - p)',
    'y * log(abs(p)) / (2 + p)',
    '(1 - y) * log(1 - p)',
)


class Sure(InputKind):
    """A user's kind, which says no more than its activation."""

    name, metric, activation = 'sure', 'sigmoid_recall', 'sigmoid'

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        return choose_rows(pred, target, weight)

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {'p': as_nchw(pred.sigmoid()), 'y': as_nchw(target)}


class SureOfOne(Sure):
    """The same with a softmax."""

    name, activation = 'sure_of_one', 'softmax'

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {'p': as_nchw(pred.softmax(dim=1)), 'y': as_nchw(target)}


@pytest.fixture(autouse=True)
def own_kinds():
    for kind in (Sure(), SureOfOne()):
        register_kind(kind)
    yield
    for name in ('sure', 'sure_of_one'):
        del INPUT_KINDS[name]


def native(text: str, inputs: str, pred: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """The gradient as a line."""
    kind = INPUT_KINDS[inputs]
    field = SampleArrays(kind, Sample(pred, target, weight, None), 1.0)
    field.load(lower(parse(text), kind))
    return torch.from_numpy(field.gradient().copy())


@pytest.mark.parametrize('inputs', ['softmax', 'sigmoid', 'sure', 'sure_of_one'])
@pytest.mark.parametrize('channels', [1, 2, 6])
@pytest.mark.parametrize('text', LOGS)
def test_sure_mistakes(text: str, inputs: str, channels: int) -> None:
    pred = (200 * torch.rand(64, channels) - 100).requires_grad_()
    target = torch.randint(channels, (64,)) if inputs == 'softmax' else torch.rand(64, channels).round()
    wanted = SearchedLoss(text, inputs, reduction='none')(pred, target)
    (wanted,) = torch.autograd.grad(wanted.sum(), pred)
    found = native(text, inputs, pred.detach(), target)
    torch.testing.assert_close(found, torch.from_numpy(flat(wanted)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('calls', ['softmax maps', 'heatmap'])
def test_what_does_not_count_changes_no_gradient(calls: str) -> None:
    sample = make_calls(calls).samples[0]
    kind = INPUT_KINDS[calls.split()[0]]
    valid = sample.rows(kind).valid.expand_as(sample.pred)
    anything = torch.tensor([float('nan'), float('inf'), -float('inf'), 1e30])
    bad = torch.where(valid, sample.pred, anything[torch.randint(4, valid.shape)])
    rng = random.Random(2)
    texts = ['mean_nhw(p) * exp(exp(1 / p))', 'mean_c(p) / exp(exp(1 / p))', 'log(p) + log(1 - p) * mean_nhw(y)']
    for text in [*texts, *(str(random_tree(rng, ('p', 'y'), 4)) for _ in range(150))]:
        if 'p' in parse(text).nodes:
            found, wanted = (
                native(text, kind.name, pred, sample.target, sample.weight) for pred in (bad, sample.pred)
            )
            torch.testing.assert_close(found, wanted, equal_nan=True, msg=text)


@pytest.mark.parametrize('calls', ['softmax maps', 'heatmap', 'mask'])
@pytest.mark.parametrize('screen', [ProbeScreen, FastScreen])
def test_a_verdict_does_not_look_at_what_does_not_count(calls: str, screen: type) -> None:
    probe = make_calls(calls, side=6)

    def verdict(stranger: float) -> Verdict:
        samples = tuple(_with(stranger, sample, probe.kind) for sample in probe.samples)
        return screen(replace(probe, samples=samples), RejectionTest(steps=10), None).judge(parse('(p - y) ** 2'))

    assert verdict(0.0) == verdict(float('nan')) == verdict(float('inf'))
    assert verdict(0.0).reason != 'not finite'


def _with(stranger: float, sample: Sample, kind: InputKind) -> Sample:
    """The sample with a number where nothing counts."""
    pred = sample.pred.clone().requires_grad_()
    rows = sample.rows(kind, pred)
    counted = rows.pred if rows.valid is None else rows.pred[rows.valid.expand_as(rows.pred)]
    counts = torch.autograd.grad(counted.sum(), pred)[0] != 0
    assert not counts.all()
    return replace(sample, pred=torch.where(counts, sample.pred, stranger))
