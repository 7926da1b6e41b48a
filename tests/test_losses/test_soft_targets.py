"""Targets that are shares of the classes, as Mixup, CutMix and distillation give them, beside labels."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mmautoloss.errors import SetupError
from mmautoloss.expr import parse
from mmautoloss.losses import SearchedLoss, plain_loss
from mmautoloss.screen import PROBE_METRICS, Probe, RejectionTest, Sample
from mmautoloss.screen.fast import FastScreen
from mmautoloss.screen.screen import ProbeScreen

CE = '-y * log(p)'
TEXTS = [
    CE,
    '(p - y) ** 2',
    'abs(p - y) * mean_c(y)',
    '-y * log(p) * (1 - p) ** 2',
    'y * mean_nhw(p)',
    '-maxpool(p) * y',
]


def call(rows: int = 40, classes: int = 5, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    pred = 2 * torch.randn(rows, classes, generator=generator, dtype=dtype)
    return pred, torch.rand(rows, classes, generator=generator, dtype=dtype).softmax(dim=1)


def value_and_gradient(loss, pred, target, *args, **kwargs):
    pred = pred.clone().requires_grad_()
    value = loss(pred, target, *args, **kwargs)
    return value.detach(), torch.autograd.grad(value, pred)[0]


def same(one, other):
    for mine, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-12)


def test_cross_entropy_is_that_of_torch():
    pred, target = call()
    same(value_and_gradient(SearchedLoss(CE), pred, target), value_and_gradient(F.cross_entropy, pred, target))


@pytest.mark.parametrize('text', TEXTS)
def test_one_hot_targets_are_labels(text):
    pred, _ = call()
    labels = torch.arange(len(pred)) % 5
    weight = torch.arange(len(pred)).double() % 3
    loss = SearchedLoss(text, class_weight=[1.0, 2.0, 0.5, 0.0, 1.0])
    by_label = value_and_gradient(loss, pred, labels, weight, avg_factor=7.0)
    same(value_and_gradient(loss, pred, F.one_hot(labels, 5), weight, avg_factor=7.0), by_label)


@pytest.mark.usefixtures('traced')
def test_labels_and_shares_are_compiled_apart():
    pred, target = call(4000)
    loss, plain = SearchedLoss(TEXTS[3], compile=True), plain_loss(parse(TEXTS[3]), 'softmax')
    for given in (torch.arange(len(pred)) % 5, target):
        same(value_and_gradient(loss, pred, given), value_and_gradient(plain, pred, given))


@pytest.mark.parametrize('text', TEXTS)
def test_fast_and_plain_agree(text):
    pred, target = call()
    fast, plain = SearchedLoss(text), plain_loss(parse(text), 'softmax')
    same(value_and_gradient(fast, pred, target), value_and_gradient(plain, pred, target))


def test_wrong_shapes_say_what_fits():
    pred, target = call()
    with pytest.raises(SetupError, match=r'labels \(M,\) or targets \(M, C\)'):
        SearchedLoss(CE)(pred, target[:, :3])
    with pytest.raises(SetupError, match=r'one weight a row, \(40,\), but got weights \(40, 5\)'):
        SearchedLoss(CE)(pred, target, target)


def test_value_of_each_row():
    pred, target = call()
    rows = SearchedLoss(CE, reduction='none')(pred, target)
    torch.testing.assert_close(rows, F.cross_entropy(pred, target, reduction='none'))


def mixed_probe() -> Probe:
    """Five batches of 13 pictures of two classes each, mixed seven to three."""
    generator = torch.Generator().manual_seed(3)
    samples = []
    for _ in range(5):
        one, other = torch.randint(4, (2, 13), generator=generator)
        target = 0.7 * F.one_hot(one, 4) + 0.3 * F.one_hot(other, 4)
        samples.append(Sample(0.1 * torch.randn(13, 4, generator=generator), target, None, 13.0))
    return Probe('softmax', 'softmax_recall', tuple(samples), {})


def test_screens_judge_by_the_largest_share():
    probe, test = mixed_probe(), RejectionTest()
    assert PROBE_METRICS['softmax_recall'](probe.joined().target.log(), probe.joined().target, {}) == 1
    hand_made = SearchedLoss(CE)
    fast, plain = (screen(probe, test, hand_made) for screen in (FastScreen, ProbeScreen))
    for text, accepted in ((CE, True), ('(p - y) ** 2', True), ('y * log(p)', False), ('p * y', False)):
        verdicts = [screen.judge(parse(text)) for screen in (fast, plain)]
        assert [verdict.accepted for verdict in verdicts] == [accepted] * 2, (text, verdicts)
