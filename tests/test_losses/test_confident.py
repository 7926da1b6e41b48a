"""Sure mistakes: the logarithms of probabilities that float32 rounds to 0 or 1 come from the logits, in all ways."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.expr import compile_tree, parse
from mmautoloss.expr.logarithms import LEAST, read_logarithms
from mmautoloss.losses import SearchedLoss, known_loss

LIMITS = {torch.float32: 1e-5, torch.float64: 1e-12}
LOGS = (
    'log(p)',
    'log(1 - p)',
    '-log(p - 1) * y',
    'log(p) * log(1 - p)',
    'y * log(abs(p)) / (2 + p)',
    'mean_c(y * log(p))',
)


def logits(*shape: int, dtype: torch.dtype, reach: float = 100.0) -> Tensor:
    """From -100 to 100, and some near 0."""
    spread = reach * (2 * torch.rand(shape, dtype=dtype) - 1)
    return torch.where(torch.rand(shape) < 0.3, spread / 50, spread).requires_grad_()


def both(value: Tensor, pred: Tensor) -> tuple[Tensor, Tensor]:
    return value.detach(), torch.autograd.grad(value.sum(), pred)[0]


def assert_close(found, wanted, dtype: torch.dtype) -> None:
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other.to(one), rtol=LIMITS[dtype], atol=LIMITS[dtype] / 100)


@pytest.mark.parametrize('reduction', ['mean', 'none'])
@pytest.mark.parametrize('dtype', LIMITS)
def test_cross_entropy_and_focal_are_torchs(dtype, reduction, cut):
    pred, label = logits(60, 5, dtype=dtype), torch.randint(5, (60,))
    found = both(SearchedLoss(known_loss('ce', 'softmax'), reduction=reduction)(pred, label), pred)
    assert_close(found, both(F.cross_entropy(pred, label, reduction=reduction), pred), dtype)
    found = both(SearchedLoss(known_loss('focal_softmax', 'softmax'), reduction=reduction)(pred, label), pred)
    logs = pred.log_softmax(1).gather(1, label[:, None])[:, 0]
    wanted = -((1 - logs.exp()) ** 2) * logs
    assert_close(found, both(wanted.mean() if reduction == 'mean' else wanted, pred), dtype)


@pytest.mark.parametrize('inputs', ['sigmoid', 'mask'])
@pytest.mark.parametrize('dtype', LIMITS)
def test_binary_cross_entropy_and_focal_are_torchs(dtype, inputs, cut):
    pred, y = logits(4, 1, 7, 5, dtype=dtype), torch.rand(4, 1, 7, 5, dtype=dtype).round()
    call = (pred, y) if inputs == 'sigmoid' else (pred, y[:, 0], torch.zeros(4).long())
    found = both(SearchedLoss(known_loss('bce', inputs), inputs)(*call), pred)
    assert_close(found, both(F.binary_cross_entropy_with_logits(pred, y), pred), dtype)
    plain, p = F.binary_cross_entropy_with_logits(pred, y, reduction='none'), pred.sigmoid()
    wrong = p * (1 - y) + (1 - p) * y
    wanted = (0.25 * y + 0.75 * (1 - y)) * wrong**2 * plain
    assert_close(
        both(SearchedLoss(known_loss('focal', inputs), inputs)(*call), pred), both(wanted.mean(), pred), dtype
    )


@pytest.mark.parametrize('text', LOGS)
@pytest.mark.parametrize('inputs', ['softmax', 'sigmoid'])
@pytest.mark.parametrize('channels', [1, 2, 6])
def test_float32_is_as_good_as_float64(text, inputs, channels, cut):
    pred = logits(40, channels, dtype=torch.float32)
    target = torch.randint(channels, (40,)) if inputs == 'softmax' else torch.rand(40, channels)
    double = pred.detach().double().requires_grad_()
    wanted = both(SearchedLoss(text, inputs, reduction='none')(double, target).sum() / 40, double)
    assert_close(both(SearchedLoss(text, inputs)(pred, target), pred), wanted, torch.float32)
    found = both(SearchedLoss(text, inputs, reduction='none')(pred, target).sum() / 40, pred)
    assert_close(found, wanted, torch.float32)


@pytest.mark.parametrize('inputs', ['softmax', 'sigmoid'])
def test_second_derivatives(inputs):
    pred = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    target = torch.randint(4, (3,)) if inputs == 'softmax' else torch.rand(3, 4).double()
    loss = SearchedLoss('log(1 - p) * (y + 1) - log(p)', inputs)
    assert torch.autograd.gradgradcheck(lambda x: loss(x, target), pred)


@pytest.mark.parametrize('gap', [20.0, 88.0, 100.0, 1e4])
@pytest.mark.parametrize('text', ['-y * log(p)', '-(1 - y) * log(1 - p)'])
def test_gradient_of_a_gap(text, gap, cut):
    """That of float64 by itself, row by row."""
    pred = torch.tensor([[gap, 0.0, -1.0], [0.0, gap, 2.0]], requires_grad=True)
    double = pred.detach().double().requires_grad_()
    label = torch.tensor([1, 0])
    shares = double.log_softmax(1)
    wrong = torch.stack([double[:, [j for j in range(3) if j != c]].logsumexp(1) for c in range(3)], dim=1)
    y = F.one_hot(label, 3)
    logs = y * shares if 'log(p)' in text else (1 - y) * (wrong - double.logsumexp(1, keepdim=True))
    found, wanted = both(SearchedLoss(text)(pred, label), pred), both(-logs.sum() / 2, double)
    assert_close(found, wanted, torch.float32)


@pytest.mark.parametrize('reduction', ['mean', 'none'])
@pytest.mark.parametrize('inputs', ['softmax', 'sigmoid'])
def test_infinite_logits(inputs, reduction, cut):
    """A class that is masked out by -Inf costs nothing unless it is the label, and then as much as can be; NaN shows."""
    inf = float('inf')
    pred = torch.tensor([[2.0, -inf, 1.0], [-inf, 0.0, 0.5]], requires_grad=True)
    label = torch.tensor([0, 1]) if inputs == 'softmax' else torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    text = known_loss('ce' if inputs == 'softmax' else 'bce', inputs)
    value, gradient = both(SearchedLoss(text, inputs, reduction=reduction)(pred, label), pred)
    assert value.isfinite().all() and value.abs().max() < 5 and gradient.isfinite().all()
    assert (gradient[pred.isinf()] == 0).all()
    value, _ = both(SearchedLoss(text, inputs, reduction=reduction)(pred, label.flip(0)), pred)
    assert value.max() > -LEAST / 3
    bad = pred.detach().clone()
    bad[0, 0] = torch.nan
    assert SearchedLoss(text, inputs, reduction=reduction)(bad, label).isnan().any()


def test_what_is_read_from_the_logits():
    same = {
        'log(p)': ('log(p)', 'log(1 * p)', 'log(abs(p))', 'log(abs(-p))', 'log(1 - (1 - p))', 'log(p + p - p)', '-log(-p)'),
        'log(1 - p)': ('log(1 - p)', 'log(-p + 1)', 'log(abs(p - 1))', '-log(p - 1)', 'log(1 - abs(p))', 'log(2 - p - 1)'),
    }  # fmt: skip
    for leaf, texts in same.items():
        for text in texts:
            read = read_logarithms(parse(text))
            assert read.inputs == (leaf,) and set(read.nodes) <= {leaf, 'neg'}
            assert read.nodes.count('neg') % 2 == 0
    for text in (
        'log(p * y)',
        'log(2 * p)',
        'log(p ** 2)',
        'log(1 - y)',
        'log(2 - p)',
        'log(mean_c(p))',
        'log(0.5 - p)',
    ):
        assert read_logarithms(parse(text)) == parse(text)


def test_a_graph_of_bare_tensors_has_the_published_logarithm():
    """There no logits are; sign(x) * log(abs(x) + eps) is 0 at 0, with a slope of 0."""
    p = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).requires_grad_()
    value = compile_tree(parse('log(1 - p)'))({'p': p})
    assert value.flatten().tolist() == [0.0, 0.0]
    assert torch.autograd.grad(value.sum(), p)[0][0, 0] == 0
    targets = SearchedLoss('p * log(y)', 'sigmoid')(torch.zeros(1, 2), torch.tensor([[0.0, 1.0]]))
    assert targets == 0
