"""The cards of found losses: true to their journals, and their losses to formulas in plain torch."""

from __future__ import annotations

import gzip

import pytest

from mmautoloss.losses import cards, known_loss
from mmautoloss.trial.read import replay
from tests.isolation import ROOT


@pytest.mark.parametrize('name', cards())
def test_losses_are_those_of_the_journal(name: str) -> None:
    card = cards()[name]
    path = ROOT / card.journal
    record = replay(path, gzip.decompress(path.read_bytes()).split(b'\n')[:-1])
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
