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
    fresh = [run.score for run in record.history.confirmations(trial.number).values()]
    assert card.origin['scores'] == pytest.approx(fresh or record.history.scores_of(trial.number))


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


def _of_class(values: Tensor) -> Tensor:
    return values.mean((0, 2, 3), keepdim=True)


def _soft_recall(p: Tensor, y: Tensor) -> Tensor:
    return -p.sqrt().tanh().tanh() * y / (_of_class(y) + 0.001)


def _overlap_and_entropy(p: Tensor, y: Tensor) -> Tensor:
    overlap = _of_class(p * y) / (_of_class(p) + _of_class(y))
    return 1 - overlap - y * p.log() * _of_class(y**2 + 1 + p.tanh())


REFERENCES = {
    'camvid_bf1_late.decode': _overlap_and_entropy,
    'camvid_macc_late.decode': _soft_recall,
    'nuclei_map_late.rpn_cls': lambda p, y: -(y * p.log() - (1 - y.mean(1, keepdim=True)) * p.tanh()),
    'nuclei_map_late.roi_box': lambda p, y: (p - y).abs() * F.hardtanh((p - y).abs(), 0, 1),
    'fashion_asym40.cls': lambda p, y: (1 + F.max_pool2d(y, 3, 1, 1).exp().exp()) * p * p.log(),
    'fashion_sym40.cls': lambda p, y: (-p * y).exp(),
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
