"""Cross-entropy, binary cross-entropy and focal loss equal mmdet's, in value and gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

pytest.importorskip('mmdet.models', reason='compares with the losses of mmdet', exc_type=ImportError)
from mmdet.models.losses import CrossEntropyLoss, FocalLoss

ROWS = 40
CALLS: dict[str, dict[str, Any]] = {
    'avg_factor': {'avg_factor': 7},
    'avg_factor as float': {'avg_factor': 3.5},
    'avg_factor as tensor': {'avg_factor': torch.tensor(7.0)},
    'avg_factor 0': {'avg_factor': 0},
    'sum': {'reduction_override': 'sum'},
    'none': {'reduction_override': 'none'},
    'none with avg_factor': {'reduction_override': 'none', 'avg_factor': 7},
    'mean with avg_factor': {'reduction_override': 'mean', 'avg_factor': 7},
}
WEIGHTS = {
    'no weights': lambda generator: None,
    'ones': lambda generator: torch.ones(ROWS),
    'zeros and ones': lambda generator: torch.randint(0, 2, (ROWS,), generator=generator).float(),
    'real weights': lambda generator: torch.rand(ROWS, generator=generator) + 0.1,
    'all zero': lambda generator: torch.zeros(ROWS),
}
# mmdet computes its binary cross-entropy in float32 even of float64, since its targets are
TOLERANCE = {'float64': 1e-6, 'float32': 2e-5}
TIGHT = 1e-8
# name: expression of the zoo, inputs, hand-made class, channels, number of labels
LOSSES = {
    'cross-entropy': ('ce', 'softmax', CrossEntropyLoss(loss_weight=2.5), 5, 5),
    'two classes': ('ce', 'softmax', CrossEntropyLoss(loss_weight=2.5), 2, 2),
    # as an RPN calls it: label 0 is foreground, label 1 background
    'binary': ('bce', 'sigmoid', CrossEntropyLoss(use_sigmoid=True, loss_weight=2.5), 1, 2),
    'binary, many': ('bce', 'sigmoid', CrossEntropyLoss(use_sigmoid=True, loss_weight=2.5), 4, 5),
    'focal': ('focal', 'sigmoid', FocalLoss(loss_weight=2.5), 4, 5),
    'focal, one class': ('focal', 'sigmoid', FocalLoss(loss_weight=2.5), 1, 2),
}


def sample(channels: int, labels: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(channels)
    logits = 3 * torch.randn(ROWS, channels, generator=generator, dtype=torch.float64)
    return logits.to(dtype), torch.randint(0, labels, (ROWS,), generator=generator)


@pytest.mark.parametrize('precision', TOLERANCE)
@pytest.mark.parametrize('call', CALLS)
@pytest.mark.parametrize('name', LOSSES)
def test_equal(name, call, precision, zoo_loss, assert_same):
    expression, inputs, theirs, channels, labels = LOSSES[name]
    tol = TIGHT if (expression, precision) == ('ce', 'float64') else TOLERANCE[precision]
    pred, target = sample(channels, labels, getattr(torch, precision))
    ours = zoo_loss(expression, inputs, loss_weight=2.5)
    if call == 'avg_factor 0':  # both divide by 1e-7
        tol *= 1e2
    for case, draw in WEIGHTS.items():
        weight = draw(torch.Generator().manual_seed(1))
        assert_same(ours, theirs, pred, target, weight, tol=tol, case=case, **CALLS[call])


@pytest.mark.parametrize('name', ['cross-entropy', 'binary', 'focal, one class'])
def test_mean_over_the_rows_without_avg_factor(name, zoo_loss, assert_same):
    expression, inputs, theirs, channels, labels = LOSSES[name]
    pred, target = sample(channels, labels, torch.float64)
    ours = zoo_loss(expression, inputs, loss_weight=2.5)
    assert_same(ours, theirs, pred, target, tol=TOLERANCE['float64'])
    assert_same(ours, theirs, pred, target, torch.rand(ROWS) + 0.1, tol=TOLERANCE['float64'])


@pytest.mark.parametrize('name', ['binary, many', 'focal'])
def test_sum_over_classes_where_mmdet_takes_their_mean(name, zoo_loss):
    """By definition: without ``avg_factor`` mmdet averages over rows and classes."""
    expression, inputs, theirs, channels, labels = LOSSES[name]
    pred, target = sample(channels, labels, torch.float64)
    ours = zoo_loss(expression, inputs, loss_weight=2.5)
    torch.testing.assert_close(ours(pred, target), channels * theirs(pred, target), check_dtype=False)


@pytest.mark.parametrize('name', LOSSES)
def test_saturated_logits_in_float64(name, zoo_loss, assert_same):
    """Where logits are 15 apart from even, p is 3e-7, of which eps is 3e-6."""
    expression, inputs, theirs, channels, labels = LOSSES[name]
    pred, target = sample(channels, labels, torch.float64)
    ours = zoo_loss(expression, inputs, loss_weight=2.5)
    size = 7.5 if inputs == 'softmax' else 15  # softmax sees differences
    assert_same(ours, theirs, size * pred.sign(), target, avg_factor=7, tol=1e-4)


@pytest.mark.parametrize('name', ['binary', 'binary, many'])
def test_binary_in_full_float64(name, zoo_loss, assert_same):
    """Against torch, where mmdet's float32 would hide a difference."""
    _, _, _, channels, labels = LOSSES[name]
    pred, target = sample(channels, labels, torch.float64)
    one_hot = F.one_hot(target, channels + 1)[:, :channels].double()

    def theirs(logits: Tensor, _: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits, one_hot, reduction='sum') / ROWS

    assert_same(zoo_loss('bce', 'sigmoid'), theirs, pred, target, tol=TIGHT)


@pytest.mark.parametrize('name', ['cross-entropy', 'binary'])
@pytest.mark.parametrize('where', ['constructor', 'call'])
def test_ignored_labels(name, where, zoo_loss, assert_same):
    expression, inputs, theirs, channels, labels = LOSSES[name]
    pred, target = sample(channels, labels, torch.float64)
    target[::3] = 255
    weight = torch.rand(ROWS)
    own = {'ignore_index': 255} if where == 'constructor' else {}
    call = {} if own else {'ignore_index': 255}
    ours = zoo_loss(expression, inputs, loss_weight=2.5, **own)
    sigmoid = inputs == 'sigmoid'
    theirs = CrossEntropyLoss(use_sigmoid=sigmoid, loss_weight=2.5, avg_non_ignore=True, **own)
    for weights, kwargs in [(None, {}), (None, {'avg_factor': 7}), (weight, {'avg_factor': 7})]:
        assert_same(ours, theirs, pred, target, weights, tol=TOLERANCE['float64'], **call, **kwargs)
    for reduction in ('none', 'sum'):
        assert_same(
            ours,
            theirs,
            pred,
            target,
            tol=TOLERANCE['float64'],
            reduction_override=reduction,
            **call,
        )


def test_the_mean_never_counts_ignored_rows(zoo_loss):
    """By definition: mmdet counts them unless told ``avg_non_ignore``."""
    pred, target = sample(5, 5, torch.float64)
    kept = zoo_loss('ce', 'softmax')(pred[:10], target[:10])
    target[10:] = 255
    ours = zoo_loss('ce', 'softmax', ignore_index=255)(pred, target)
    torch.testing.assert_close(ours, kept)
    theirs = CrossEntropyLoss()(pred, target, ignore_index=255)
    torch.testing.assert_close(ours, theirs * ROWS / 10)


def test_targets_of_elements(zoo_loss, assert_same):
    """Sigmoid with targets (M, C): soft labels, as in quality focal losses."""
    pred, _ = sample(4, 4, torch.float64)
    target = torch.rand(ROWS, 4)
    theirs = CrossEntropyLoss(use_sigmoid=True)
    ours = zoo_loss('bce', 'sigmoid')
    for weight in (None, torch.rand(ROWS, 4), torch.randint(0, 2, (ROWS, 4)).float()):
        assert_same(ours, theirs, pred, target, weight, avg_factor=7, tol=TOLERANCE['float64'])


def test_focal_with_targets_of_elements(zoo_loss, assert_same):
    pred, target = sample(4, 4, torch.float64)
    one_hot = F.one_hot(target, 4)
    weight = torch.rand(ROWS, 4)
    ours, theirs = zoo_loss('focal', 'sigmoid'), FocalLoss()
    assert_same(ours, theirs, pred, one_hot, weight, avg_factor=7, tol=TOLERANCE['float64'])
    torch.testing.assert_close(ours(pred, target), ours(pred, one_hot))
