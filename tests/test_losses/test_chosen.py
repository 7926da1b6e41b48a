"""Losses that a config takes by name."""

from __future__ import annotations

import pytest
import torch

from mmautoloss.errors import ExpressionError, SetupError
from mmautoloss.losses import SearchedLoss, cards, known_loss


def calls() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, 4, generator=generator), torch.randint(0, 4, (6,), generator=generator)


@pytest.mark.parametrize('name', cards())
def test_every_shipped_loss_can_be_taken_by_name_with_its_weight(name: str) -> None:
    for loss in cards()[name].losses:
        taken = SearchedLoss(card=f'{name}.{loss["name"]}')
        assert (taken.expression, taken.kind.name, taken.loss_weight) == (
            SearchedLoss(loss['expression'], loss['inputs']).expression,
            loss['inputs'],
            loss['weight'],
        )


def test_a_weight_of_ones_own_is_that_weight() -> None:
    card, loss = 'fashion_sym40.cls', cards()['fashion_sym40'].losses[0]
    plain = SearchedLoss(loss['expression'])
    torch.testing.assert_close(SearchedLoss(card=card, loss_weight=2.0)(*calls()), 2 * plain(*calls()))
    torch.testing.assert_close(SearchedLoss(card=card)(*calls()), loss['weight'] * plain(*calls()))
    assert plain.loss_weight == 1.0


def test_known_losses_stand_for_their_formulas() -> None:
    named, written = (
        SearchedLoss('ce + 0.5 * dice'),
        SearchedLoss(f'-y * log(p) + 0.5 * ({known_loss("dice", "softmax")})'),
    )
    torch.testing.assert_close(named(*calls()), written(*calls()))


def test_what_a_loss_can_be_is_said() -> None:
    with pytest.raises(
        SetupError, match=r"SearchedLoss needs a loss: expression=.*ce, bce.*card='CARD.BRANCH'.*apply"
    ) as error:
        SearchedLoss()
    assert 'camvid_bf1_late.decode' in str(error.value) and '\n' not in str(error.value)
    with pytest.raises(SetupError, match='needs one of: expression='):
        SearchedLoss('-y * log(p)', card='camvid_bf1_late.decode')


@pytest.mark.parametrize(
    ('card', 'near'),
    [
        ('nuclei_map_late', 'nuclei_map_late.rpn_cls, nuclei_map_late.rpn_box'),
        ('nuclei_map_late.rpn_clss', 'nuclei_map_late.rpn_cls'),
        ('camvid_bf1.decode', 'camvid_bf1_late.decode'),
        ('xyz', 'camvid_bf1_late.decode, '),
        (3, 'camvid_bf1_late.decode, '),
    ],
)
def test_wrong_name_has_the_nearest(card: object, near: str) -> None:
    with pytest.raises(SetupError, match='card must be the name of a found loss, such as ') as error:
        SearchedLoss(card=card)
    assert near in str(error.value) and str(error.value).endswith(f'but got {card!r}.')


def test_a_misspelt_known_loss_has_the_nearest() -> None:
    with pytest.raises(ExpressionError, match=r"no known loss 'diec' \(did you mean dice\?\); `mmautoloss zoo`"):
        SearchedLoss('diec')
    with pytest.raises(SetupError, match=r"Unknown input 'diec' .*'ce \+ diec' \(did you mean dice\?\)\.$"):
        SearchedLoss('ce + diec')
    with pytest.raises(ExpressionError, match=r"Unknown input 'x'"):
        SearchedLoss('x')


def test_a_card_for_other_inputs_is_refused() -> None:
    with pytest.raises(
        SetupError, match=r'nuclei_map_late\.rpn_cls is for inputs=.sigmoid., but got inputs=.softmax.'
    ):
        SearchedLoss(card='nuclei_map_late.rpn_cls', inputs='softmax')
    assert SearchedLoss(card='nuclei_map_late.rpn_cls', use_sigmoid=True).use_sigmoid


def test_a_wrong_expression_is_refused_as_before() -> None:
    with pytest.raises(ExpressionError):
        SearchedLoss('-y * log(x)')


def test_plain_config_takes_a_loss_by_name() -> None:
    pytest.importorskip('mmseg')
    from mmengine.config import Config
    from mmseg.registry import MODELS

    loss = "dict(type='SearchedLoss', card='camvid_bf1_late.decode')"
    text = f"custom_imports = dict(imports=['mmautoloss.losses'])\nloss = {loss}"
    loss = MODELS.build(Config.fromstring(text, '.py').loss)
    assert loss.loss_weight == cards()['camvid_bf1_late'].losses[0]['weight']
