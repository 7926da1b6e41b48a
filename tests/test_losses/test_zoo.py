"""The known losses can be read, used and found."""

from __future__ import annotations

import pytest
import torch

from mmautoloss.errors import SetupError
from mmautoloss.expr import parse
from mmautoloss.losses import INPUT_KINDS, ZOO, SearchedLoss, known_loss

PAIRS = [(name, inputs) for name, known in ZOO.items() for inputs in known.inputs]
ROWS = torch.tensor([[1.0, 2.0, 4.0, 6.0]]).repeat(4, 1)
MAPS = torch.linspace(-2, 2, 2 * 3 * 4 * 4).view(2, 3, 4, 4)
CALLS = {
    'softmax': (ROWS, torch.tensor([0, 1, 2, 3])),
    'sigmoid': (ROWS, torch.tensor([0, 1, 2, 4])),
    'mask': (MAPS, torch.eye(4).repeat(2, 1, 1), torch.tensor([0, 2])),
    'heatmap': (MAPS, torch.eye(4).expand_as(MAPS)),
    'delta': (ROWS, torch.tensor([[0.1, 0.2, 0.3, 0.4]]).repeat(4, 1)),
    'bins': (ROWS, torch.tensor([[0.1, 0.2, 0.3, 0.4]]).repeat(4, 1)),
    'quality': (ROWS, (torch.tensor([0, 1, 2, 4]), torch.tensor([0.9, 0.3, 0.5, 0.0]))),
    'instance': (MAPS[0], torch.eye(4).repeat(3, 1, 1)),
    'peak': (MAPS, (0.25 + 0.75 * torch.eye(4)).expand_as(MAPS)),
    'keypoint': (ROWS, ROWS + 0.5),
    'direction': (ROWS, ROWS.flip(1)),
    'motion': (ROWS, ROWS + 0.5),
    'triplet': (torch.tensor([[0.0, 1.0], [2.0, 1.0], [0.5, 0.0], [3.0, 3.0]]), torch.tensor([0, 0, 1, 1])),
    'pairs': (torch.tensor([[0.0, 1.0], [2.0, 1.0], [0.5, 0.0], [3.0, 3.0]]), torch.tensor([0, 0, 1, 1])),
    'cosine': (0.1 * ROWS, torch.tensor([0, 1, 2, 3])),
    'area': (ROWS, torch.tensor([[0.0, 0.0, 5.0, 5.0]]).repeat(4, 1)),
}


@pytest.mark.parametrize(('name', 'inputs'), PAIRS)
def test_falls_along_its_own_gradient(name, inputs):
    pred, *target = CALLS[inputs]
    pred = pred.clone().requires_grad_()
    loss = SearchedLoss(known_loss(name, inputs), inputs=inputs)
    value = loss(pred, *target)
    (gradient,) = torch.autograd.grad(value, pred)
    assert value > 0 or name.startswith('cse')  # those have no bound
    assert gradient.any()
    with torch.no_grad():
        assert loss(pred - 1e-2 * gradient, *target) < value


@pytest.mark.parametrize('name', ZOO)
def test_entries_are_in_order(name):
    known = ZOO[name]
    tree = parse(known.expression)
    assert parse(str(tree)) == tree
    assert known.inputs
    assert known.source
    for inputs in known.inputs:
        kind = INPUT_KINDS[inputs]
        assert set(tree.inputs) <= set(kind.names)
        assert kind.from_prediction & set(tree.inputs)
        assert kind.from_target & set(tree.inputs)


def test_every_kind_has_one():
    assert {inputs for _, inputs in PAIRS} == set(INPUT_KINDS)


def test_lookup():
    assert known_loss('l1', 'delta') == 'abs(p - y)'
    fitting = 'for inputs "area" are iou, giou, cse_a, cse_b, but got \'l1\', which is for delta, heatmap'
    with pytest.raises(SetupError, match=fitting):
        known_loss('l1', 'area')
    with pytest.raises(SetupError, match="but got 'huber'"):
        known_loss('huber', 'delta')
    with pytest.raises(SetupError, match=r"Inputs must be one of .* but got 'boxes'"):
        known_loss('giou', 'boxes')
