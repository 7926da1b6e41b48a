"""The cards of found losses: true to their journals, and their losses to formulas in plain torch."""

from __future__ import annotations

import gzip

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mmautoloss.losses import SearchedLoss, cards, known_loss
from mmautoloss.trial.read import record_of
from tests.isolation import ROOT


@pytest.mark.parametrize('name', cards())
def test_losses_are_those_of_the_journal(name: str) -> None:
    card = cards()[name]
    path = ROOT / card.journal
    record = record_of(path, gzip.decompress(path.read_bytes()).split(b'\n')[:-1])
    trial = record.history[card.origin['trial']]
    assert {loss['name']: loss['expression'] for loss in card.losses} == trial.genome.to_text()
    assert {loss['name']: loss['weight'] for loss in card.losses} == pytest.approx(dict(trial.weights))
    places = {loss['name']: {'path': loss['path'], 'inputs': loss['inputs']} for loss in card.losses}
    assert places == record.header['branches']
    assert card.origin['scores'] == pytest.approx(record.history.scores_of(trial.number))


@pytest.mark.parametrize('name', cards())
def test_claims_are_those_of_the_intervals(name: str) -> None:
    for each in cards()[name].measured:
        assert each.low <= each.mean - each.other <= each.high
        assert (each.word == 'no difference') == (each.low <= 0 <= each.high)
        assert each.seeds >= 5
    assert cards()[name].notes, 'nothing is without limits'


def test_they_can_be_named_where_they_fit() -> None:
    for card in cards().values():
        for branch, (inputs, expression) in card.expressions().items():
            assert known_loss(f'{card.name}.{branch}', inputs) == expression


def _near(values: Tensor) -> Tensor:
    return F.max_pool2d(values, 3, stride=1, padding=1)


def _camvid_bf1_decode(p: Tensor, y: Tensor) -> Tensor:
    size = (p**2).mean((0, 2, 3), keepdim=True) + y.mean((0, 2, 3), keepdim=True)
    return 1 - _near(2 * p * y / size)


def _nuclei_objectness(p: Tensor, y: Tensor) -> Tensor:
    return -(p.exp() + (1 - y) * (1 - p).log() * p)


REFERENCES = {
    'camvid_bf1.decode': _camvid_bf1_decode,
    'camvid_bf1.aux': lambda p, y: -p.sqrt() * y.tanh(),
    'camvid_miou.aux': lambda p, y: -(y * p.sqrt()).exp(),
    'bccd_map.rpn_cls': _nuclei_objectness,  # drawn again: both searches have the same seed
    'bccd_map.roi_box': lambda p, y: ((p - y).abs() + 2) * ((p - y).abs() - (p + y).abs() / 4) / 2,
    'bccd_map_short.rpn_cls': lambda p, y: -(y.exp() * p + (1 - y) * (1 - p).log()),
    'bccd_map_short.roi_box': lambda p, y: (p - y) ** 2,
    'nuclei_map.rpn_cls': _nuclei_objectness,
    'nuclei_map.mask': lambda p, y: -(2 * y * p + (1 - y) * (1 - p).log()),
}


@pytest.mark.parametrize('name', REFERENCES)
def test_value_and_gradient_are_those_of_the_formula(name: str) -> None:
    card, _, branch = name.partition('.')
    inputs, expression = cards()[card].expressions()[branch]
    maps = inputs in ('softmax', 'mask')
    pred = torch.randn(*((2, 3, 6, 5) if maps else (8, 4)), dtype=torch.float64, requires_grad=True)
    if inputs == 'softmax':
        target = torch.randint(0, 3, (2, 6, 5))
        p, y = pred.softmax(1), F.one_hot(target, 3).movedim(-1, 1).double()
    elif inputs == 'mask':
        target, classes = torch.randint(0, 2, (2, 6, 5)).double(), torch.tensor([0, 2])
        p, y = pred[torch.arange(2), classes].sigmoid()[:, None], target[:, None]
    else:
        target = torch.rand(8, 4, dtype=torch.float64)
        target = target.round() if inputs == 'sigmoid' else target
        p, y = (pred.sigmoid() if inputs == 'sigmoid' else pred), target
    wanted = REFERENCES[name](p, y).sum(1).mean()
    found = SearchedLoss(expression, inputs=inputs)(pred, target, *([classes] if inputs == 'mask' else []))
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(*(torch.autograd.grad(value, pred, retain_graph=True)[0] for value in (found, wanted)))
