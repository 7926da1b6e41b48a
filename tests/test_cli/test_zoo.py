"""``mmautoloss zoo``, and the names it lists wherever a loss can be named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmautoloss.__main__ import main
from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.errors import SetupError
from mmautoloss.found import read_found
from mmautoloss.losses import ZOO, cards
from tests.isolation import ROOT

BASE = 'configs/camvid/deeplabv3plus.py'


def test_lists_every_loss_and_every_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['zoo']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines if not line.startswith(' ')} >= {*ZOO, *cards()}


def test_a_card_says_where_from_and_what_it_beats(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['zoo', 'camvid_bf1_late']) == 0
    text, card = capsys.readouterr().out, cards()['camvid_bf1_late']
    for part in (card.journal, card.command, *card.notes, *map(str, card.measured)):
        assert ' '.join(part.split()) in ' '.join(text.split())


def test_json_has_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['zoo', '--json']) == 0
    entries = json.loads(capsys.readouterr().out)
    assert list(entries) == [*ZOO, *cards()]
    assert entries['camvid_bf1_late']['losses'] == list(cards()['camvid_bf1_late'].losses)
    assert main(['zoo', 'dice', '--json']) == 0
    assert json.loads(capsys.readouterr().out) == {'dice': json.loads(json.dumps(ZOO['dice']._asdict()))}


def test_an_unknown_name_is_one_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['zoo', 'lovasz']) == 2
    assert "There is no loss 'lovasz'; there are ce, bce," in capsys.readouterr().err


def test_a_card_is_a_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = cards()['camvid_bf1_late']
    found = read_found(Path('camvid_bf1_late'))
    assert [loss.expression for loss in found.losses] == [loss['expression'] for loss in card.losses]
    assert found.origin.trial == card.origin['trial'] and found.origin.scores == tuple(card.origin['scores'])
    assert main(['apply', str(ROOT / BASE), 'camvid_bf1_late', '-o', str(tmp_path / 'out.py')]) == 0
    assert str(card.losses[0]['expression']) in capsys.readouterr().out
    assert main(['export', 'camvid_bf1_late', '--format', 'config']) == 0
    assert 'Found by mmautoloss' in capsys.readouterr().out


def test_one_loss_of_a_card_stands_for_an_expression(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ['apply', str(ROOT / BASE), 'decode=camvid_bf1_late.decode', '-o', str(tmp_path / 'out.py')]
    assert main(command) == 0
    assert str(cards()['camvid_bf1_late'].losses[0]['expression']) in capsys.readouterr().out
    command[2] = 'decode=nuclei_map_late.rpn_cls'
    assert main(command) == 2
    assert "got 'nuclei_map_late.rpn_cls', which is for sigmoid" in capsys.readouterr().err


def test_a_card_is_a_seed_of_a_search(tmp_path: Path) -> None:
    config = ROOT / 'configs/digits/mask_rcnn_search.py'
    spec = spec_of(load_search_config(str(config), str(tmp_path), {}, seeds=['nuclei_map_late']))
    texts = {loss['name']: loss['expression'] for loss in cards()['nuclei_map_late'].losses}
    assert [genome.to_text() for genome in spec.search.known] == [texts]


def test_one_loss_of_a_card_is_a_seed_in_all_branches(tmp_path: Path) -> None:
    config = ROOT / 'configs/digits/deeplabv3plus_search.py'
    spec = spec_of(load_search_config(str(config), str(tmp_path), {}, seeds=['camvid_bf1_late.decode']))
    (decode,) = (loss['expression'] for loss in cards()['camvid_bf1_late'].losses)
    assert [genome.to_text() for genome in spec.search.known] == [{'decode': decode, 'aux': decode}]


def test_a_misspelt_name_has_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    for name, meant in (('camvid_bf1_lat', 'camvid_bf1_late'), ('diec', 'dice')):
        assert main(['zoo', name]) == 2
        assert f'There is no loss {name!r} (did you mean {meant}?); there are ce' in capsys.readouterr().err
    with pytest.raises(SetupError, match=r'there is no camvid_bf1_lat \(did you mean camvid_bf1_late\?\)\.'):
        read_found(Path('camvid_bf1_lat'))
