"""Which losses of the libraries' models can be searched: counts of models that are known, and a page that says the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip('mmdet.models.losses', exc_type=ImportError)
pytest.importorskip('mmseg.models.losses', exc_type=ImportError)
pytest.importorskip('mmpose.models.losses', exc_type=ImportError)

from mmautoloss.branches import ModelLoss
from tests.isolation import ROOT

PAGE = ROOT / 'docs/coverage.md'
RETINA = 'retinanet/retinanet_r101-caffe_fpn_1x_coco.py'


def test_losses_of_a_shipped_model_are_found_without_memory_for_weights(load) -> None:
    shipped = load('shipped_models').inspect('mmdet', RETINA)
    assert {loss.name: loss.inputs for loss in shipped.losses} == {'cls': 'sigmoid', 'box': 'delta'}
    assert shipped.error == ''


def test_a_model_that_cannot_be_built_has_one_line(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = load('shipped_models')
    monkeypatch.setattr(models, 'folder_of', lambda library: tmp_path)
    (tmp_path / 'broken.py').write_text("default_scope = 'mmdet'\nmodel = dict(type='Nothing')\n")
    (tmp_path / 'data.py').write_text("data_root = 'data'\n")
    shipped = models.inspect('mmdet', 'broken.py')
    assert not shipped.losses and 'Nothing is not in the' in shipped.error and '\n' not in shipped.error
    assert models.inspect('mmdet', 'data.py') is None
    assert (
        models._line(ValueError('no file /home/me/lib/site-packages/mmdet/a.py\n here')) == 'no file mmdet/a.py here'
    )


def test_every_folder_with_configs_gives_one(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = load('shipped_models')
    monkeypatch.setattr(models, 'folder_of', lambda library: tmp_path)
    for path in ('_base_/models/a.py', 'b/two.py', 'b/one.py', 'b/c/three.py'):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert models.one_of_each_folder('mmdet') == ['b/c/three.py', 'b/one.py']


def shipped_rows(load) -> list:
    shipped = load('shipped_models').Shipped
    good = ModelLoss('cls', 'head.loss_cls', 'head.loss_cls', 'FocalLoss', 'sigmoid', '')
    bad = ModelLoss('box', 'head.loss_box', 'head.loss_box', 'OddLoss', None, 'it is odd; take another')
    return [
        shipped('mmdet', 'a/one.py', (good, bad)),
        shipped('mmdet', 'b/two.py', (good, good)),
        shipped('mmseg', 'c/three.py', error='it needs more'),
    ]


def test_shares_and_page_are_those_of_the_rows(load) -> None:
    page = load('coverage_page')
    rows = shipped_rows(load)
    assert page.shares_of(rows) == {'mmdet': 0.75, 'mmseg': None, 'mmpose': None, 'mmpretrain': None, 'built': 0.667}
    text = page.page_of(rows)
    assert '| mmdet | 2 of 2 | 4 | 3 | 75.0 % |' in text and '| mmseg | 0 of 1 | 0 | 0 | 0.0 % |' in text
    assert '| a | cls (sigmoid) | box (OddLoss) |' in text and '- c: it needs more' in text
    assert '| OddLoss | a | it is odd; take another |' in text


def test_losses_that_are_never_called_are_listed_and_not_counted(load) -> None:
    page, rows = load('coverage_page'), shipped_rows(load)
    idle = ModelLoss('idle', 'head.loss_idle', 'head.loss_idle', 'IdleLoss', None, page.NEVER_CALLED)
    rows.append(rows[0]._replace(path='d/four.py', losses=(idle,)))
    assert page.shares_of(rows)['mmdet'] == 0.75 and '| mmdet | 3 of 3 | 4 | 3 | 75.0 % |' in page.page_of(rows)
    assert '| d |  | idle (IdleLoss) |' in page.page_of(rows)


def test_the_last_line_is_json(load, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    page, rows = load('coverage_page'), shipped_rows(load)
    monkeypatch.setattr(page, 'one_of_each_folder', lambda library: [r.path for r in rows if r.library == library])
    monkeypatch.setattr(page, 'inspect', lambda library, path: next(row for row in rows if row.path == path))
    monkeypatch.setattr(page, 'folder_of', lambda library: None if library == 'mmpretrain' else ROOT)
    monkeypatch.setattr(sys, 'argv', ['coverage.py'])
    assert page.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'mmpretrain: not installed' in lines and 'mmdet a/one.py: 1 of 2 losses' in lines
    assert json.loads(lines[-1])['mmdet'] == 0.75


@pytest.mark.slow
def test_the_page_says_what_is_found_now(load) -> None:
    """A sample of its rows; ``python benchmarks/coverage.py --page docs/coverage.md`` writes it anew."""
    page, text = load('coverage_page'), PAGE.read_text(encoding='utf-8')
    for library in ('mmdet', 'mmseg', 'mmpose', 'mmpretrain'):
        paths = page.one_of_each_folder(library)[5::25]
        for row in filter(None, (page.inspect(library, path) for path in paths)):
            assert row.error or page._table([row]).splitlines()[-1] in text, row.path
