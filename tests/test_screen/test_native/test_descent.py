"""The rejection test in compiled code against the plain one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from mmautoloss.expr import parse
from mmautoloss.losses import INPUT_KINDS, SearchedLoss
from mmautoloss.screen import PROBE_METRICS, Probe, RejectionTest
from mmautoloss.screen.native.descent import ADAM, NORMALIZED, SGD
from mmautoloss.screen.native.layout import flat
from mmautoloss.screen.native.lowering import lower
from mmautoloss.screen.native.metrics import metric_on_arrays
from mmautoloss.screen.native.sample_arrays import DescentSettings, divisor_of
from mmautoloss.screen.native.scored_descent import ScoredDescent
from tests.test_screen.test_native.conftest import CALLS, loss_by_hand, make_calls

OPTIMIZERS = {'normalized': (NORMALIZED, 0.2), 'sgd': (SGD, 0.5), 'adam': (ADAM, 0.1)}
LOSSES = {
    'p': ('(p - y) ** 2', 'abs(p - y)', '-y * p', 'mean_nhw(p) * p - y * exp(p)', 'abs(p - y) * mean_c(abs(p - y))'),
    'i': ('1 - i / u', '(e - i) ** 2', '-(i / u) ** 2 + (e - u) / e'),
}


def gains(probe: Probe, text: str, test: RejectionTest, number: int) -> tuple[float, float]:
    """The gain of the plain test and of the compiled one, on the whole probe and to the end."""
    sample = test.sample(probe)
    course = DescentSettings(number, test.steps, test.lr, test.decay)
    ground = ScoredDescent(probe, sample, divisor_of(sample, probe.kind), course)
    ground.load(lower(parse(text), probe.kind))
    return test.gain(SearchedLoss(text, inputs=probe.inputs), probe, sample), ground.gain_at(1.0)


@pytest.mark.parametrize('decay', [True, False])
@pytest.mark.parametrize('optimizer', list(OPTIMIZERS))
@pytest.mark.parametrize('calls', CALLS)
def test_gain_is_that_of_the_plain_test(calls: str, optimizer: str, decay: bool) -> None:
    probe = make_calls(calls)
    number, lr = OPTIMIZERS[optimizer]
    # few steps where they do not become shorter: at the end the predictions jump about their targets
    test = RejectionTest(steps=30 if decay else 8, lr=lr, optimizer=optimizer, decay=decay, early=0)
    texts = [str(loss_by_hand(calls).graph.tree), *next(t for name, t in LOSSES.items() if name in probe.kind.names)]
    for text in texts:
        plain, compiled = gains(probe, text, test, number)
        assert compiled == pytest.approx(plain, abs=0.03, nan_ok=True), text


def test_not_finite_and_at_rest() -> None:
    probe = make_calls('delta')
    test = RejectionTest(steps=10, early=0)
    assert all(gain != gain for gain in gains(probe, 'exp(exp(exp(exp(p + 9)))) * y', test, NORMALIZED))
    assert gains(probe, 'p * y - p * y', test, NORMALIZED) == (0, 0)


METRICS = [
    *(('softmax', name) for name in ('softmax_recall', 'softmax_ap')),
    *(('sigmoid', name) for name in ('sigmoid_recall', 'sigmoid_ap', 'score_closeness')),
    *(('softmax maps', name) for name in ('mIoU', 'FWIoU', 'gAcc', 'mAcc', 'BIoU', 'BF1')),
    *(('heatmap', name) for name in ('heatmap_recall', 'heatmap_pck')),
    *(('mask', name) for name in ('sigmoid_recall', 'mask_iou')),
    *(('delta', name) for name in ('delta_iou', 'closeness')),
    ('area', 'area_iou'),
    ('quality', 'quality_closeness'),
    ('bins', 'overlap'),
    ('instance', 'instance_recall'),
    ('peak', 'peak_recall'),
]


@pytest.mark.parametrize(('calls', 'metric'), METRICS)
def test_every_metric_is_the_one_of_the_plain_test(calls: str, metric: str) -> None:
    found = make_calls(calls)
    samples = found.samples
    if metric == 'sigmoid_ap':  # needs targets of the shape of the logits, not labels
        samples = tuple(replace(s, target=F.one_hot(s.target, 4)[:, :3].float()) for s in samples)
    probe = Probe(found.inputs, metric, samples, found.scaling)
    sample = RejectionTest().sample(probe)
    measure, generator = metric_on_arrays(probe, sample), torch.Generator().manual_seed(0)
    for spread in (0.0, 0.5, 3.0):
        pred = sample.pred + spread * torch.randn(sample.pred.shape, generator=generator)
        rows = probe.kind.rows(pred, sample.target, sample.weight, sample.ignore_index)
        line = flat(rows.pred if rows.pred.dim() == 4 else rows.pred[:, :, None, None])
        assert measure(line) == pytest.approx(probe.score(pred, sample), abs=1e-6)


def test_all_metrics_are_looked_at() -> None:
    by_plain_test_alone = {kind.metric for kind in INPUT_KINDS.values() if not kind.activation}
    assert {metric for _, metric in METRICS} | by_plain_test_alone == set(PROBE_METRICS)
