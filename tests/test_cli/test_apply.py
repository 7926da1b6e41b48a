"""``mmautoloss branches`` and ``mmautoloss apply`` on configs of the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmdet')

from mmengine.config import Config

from mmautoloss.__main__ import main
from mmautoloss.branches import Branch, ModelLoss
from mmautoloss.expr import Genome
from mmautoloss.found import NamedLoss, found_losses, match, write_losses
from mmautoloss.trial import Outcome, Role, State, Trial
from mmautoloss.trial.journal import Journal
from tests.isolation import ROOT

CONFIGS = ROOT / 'configs'
BASE = str(CONFIGS / 'digits' / 'faster_rcnn.py')
BRANCHES = {
    'rpn_cls': {'path': 'rpn_head.loss_cls', 'inputs': 'sigmoid'},
    'roi_box': {'path': 'roi_head.bbox_head.loss_bbox', 'inputs': 'delta'},
}
FORMULAS = ({'rpn_cls': '(p - y) ** 2', 'roi_box': 'abs(p - y)'}, {'rpn_cls': 'abs(p - y)', 'roi_box': '(p - y) ** 2'})


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    """A search that is over: trial 1 scored better than trial 0."""
    journal = Journal(tmp_path / 'search' / 'journal.jsonl', {'branches': BRANCHES}, {})
    for number, (texts, score) in enumerate(zip(FORMULAS, (0.2, 0.4), strict=True)):
        weights = {'rpn_cls': 0.5, 'roi_box': 0.1 + 0.2}
        journal.propose(Trial(number, Role.SEARCH, 0, Genome.from_text(texts), weights, fingerprint=str(number)))
        journal.settle(number, Outcome(State.COMPLETE, score, {}, 1.0, ''), 1.0)
    journal.close()
    return tmp_path / 'search'


def apply(tmp_path: Path, *arguments: str) -> Config:
    out = tmp_path / 'new' / 'config.py'
    assert main(['apply', *arguments, '-o', str(out)]) == 0
    return Config.fromfile(out)


def test_branches_are_listed_with_the_name_that_a_config_uses(capsys, monkeypatch) -> None:
    monkeypatch.setenv('COLUMNS', '200')
    assert main(['branches', BASE]) == 0
    table = capsys.readouterr().out
    for words in (
        ('rpn_cls', 'rpn_head.loss_cls', 'CrossEntropyLoss', "inputs='sigmoid'"),
        ('roi_box', 'roi_head.bbox_head.loss_bbox', 'L1Loss', "inputs='delta'"),
    ):
        assert any(all(word in line for word in words) for line in table.splitlines())


def test_only_the_losses_of_the_best_trial_differ(tmp_path: Path, work_dir: Path) -> None:
    new, old = apply(tmp_path, BASE, str(work_dir)).to_dict(), Config.fromfile(BASE).to_dict()
    found = new['model']['rpn_head'].pop('loss_cls')
    assert found == {
        'type': 'mmautoloss.SearchedLoss',
        'expression': 'abs(p - y)',
        'inputs': 'sigmoid',
        'loss_weight': 0.5,
        'use_sigmoid': True,
    }
    assert new['model']['roi_head']['bbox_head'].pop('loss_bbox')['loss_weight'] == 0.1 + 0.2
    del old['model']['rpn_head']['loss_cls'], old['model']['roi_head']['bbox_head']['loss_bbox']
    assert new == old


def test_another_trial(tmp_path: Path, work_dir: Path) -> None:
    new = apply(tmp_path, BASE, str(work_dir / 'journal.jsonl'), '--trial', '0')
    assert new.model.rpn_head.loss_cls.expression == '(p - y) ** 2'


def test_a_shared_file_goes_to_all_stages_of_a_cascade(tmp_path: Path, capsys) -> None:
    branches = [Branch(name, **entry) for name, entry in BRANCHES.items()]
    trial = Trial(3, Role.SEARCH, 0, Genome.from_text(FORMULAS[0]), {'rpn_cls': 1.0, 'roi_box': 2.0})
    write_losses(tmp_path / 'best_losses.json', found_losses(branches, trial))
    base = Config.fromfile(BASE)
    head, roi = base.model.roi_head.bbox_head, base.model.roi_head
    stages = [dict(head, loss_bbox={'type': 'SmoothL1Loss', 'beta': beta}) for beta in (1.0, 0.5)]
    rcnn = base.model.train_cfg.rcnn
    base.model.update(type='CascadeRCNN')
    roi.update(type='CascadeRoIHead', num_stages=2, stage_loss_weights=[1, 0.5], bbox_head=stages)
    base.model.train_cfg.rcnn = [rcnn, rcnn]
    base.dump(tmp_path / 'cascade.py')
    new = apply(tmp_path, str(tmp_path / 'cascade.py'), str(tmp_path / 'best_losses.json'))
    for stage in new.model.roi_head.bbox_head:
        assert stage.loss_bbox == {
            'type': 'mmautoloss.SearchedLoss',
            'expression': 'abs(p - y)',
            'inputs': 'delta',
            'loss_weight': 2.0,
        }
    assert 'roi_head.bbox_head.1.loss_cls: CrossEntropyLoss -> as it was' in capsys.readouterr().out


def test_losses_of_two_heads_that_differ_in_a_number_stay_apart(tmp_path: Path) -> None:
    places = [ModelLoss(f'aux{k}', f'auxiliary_head.{k}.loss_decode', '', 'CE', 'softmax', '') for k in range(3)]
    texts = ('-y * log(p)', '(p - y) ** 2')
    losses = [NamedLoss(p.name, p.path, 'softmax', text, 1.0) for p, text in zip(places, texts, strict=False)]
    _, genome, _ = match(losses, places, {})
    assert genome.to_text() == {'aux0': texts[0], 'aux1': texts[1]}


def test_losses_by_hand_keep_the_weight(tmp_path: Path, capsys) -> None:
    pytest.importorskip('mmseg')
    new = apply(tmp_path, str(CONFIGS / 'digits' / 'deeplabv3plus.py'), 'decode=dice', 'aux=ce')
    assert 'aux: CrossEntropyLoss also divides by pixels that are ignored' in capsys.readouterr().out
    weights = [head.loss_decode.loss_weight for head in (new.model.decode_head, new.model.auxiliary_head)]
    assert weights == [1.0, 0.4]


def test_losses_by_hand_and_by_name(tmp_path: Path) -> None:
    new = apply(tmp_path, BASE, 'rpn_cls=focal', 'roi_cls=-mean_c(y * log(p))', 'roi_box=0.5 * l1 + mse')
    assert 'p ** 2' in new.model.rpn_head.loss_cls.expression
    assert new.model.roi_head.bbox_head.loss_cls.expression == '-mean_c(y * log(p))'
    assert new.model.roi_head.bbox_head.loss_bbox.expression == '0.5 * abs(p - y) + (p - y) ** 2'


def test_losses_by_hand_may_read_the_elapsed_share(tmp_path: Path) -> None:
    new = apply(tmp_path, BASE, 'roi_cls=(1 - t) * -y * log(p) + t * (p - y) ** 2')
    assert new.model.roi_head.bbox_head.loss_cls.expression == '(1 - t) * -y * log(p) + t * (p - y) ** 2'


def test_the_user_says_which_loss_goes_where(tmp_path: Path) -> None:
    losses = [NamedLoss('box', 'bbox_head.loss_bbox', 'delta', '(p - y) ** 2', 1.0)]
    write_losses(tmp_path / 'losses.json', losses)
    new = apply(
        tmp_path, BASE, str(tmp_path / 'losses.json'), '--map', 'rpn_box=box', 'roi_head.bbox_head.loss_bbox=box'
    )
    assert new.model.rpn_head.loss_bbox.expression == new.model.roi_head.bbox_head.loss_bbox.expression
    assert new.model.rpn_head.loss_cls.type == 'CrossEntropyLoss'


def test_losses_that_take_over_late(tmp_path: Path, work_dir: Path, capsys) -> None:
    """Nothing differs but the hook, which has the losses as they would stand in the model."""
    new = apply(tmp_path, BASE, str(work_dir), '--switch', '0.9').to_dict()
    printed = capsys.readouterr().out
    assert 'rpn_head.loss_cls: CrossEntropyLoss -> abs(p - y)  (loss_weight 0.5)\n' in printed
    assert 'the losses change after 144 of 160 iterations\n' in printed
    (hook,) = new.pop('custom_hooks')
    assert new == Config.fromfile(BASE).to_dict()
    assert (hook['type'], hook['at']) == ('mmautoloss.LossSwitchHook', 0.9)
    model = apply(tmp_path / 'model', BASE, str(work_dir)).model
    assert hook['losses'] == {
        'rpn_head.loss_cls': model.rpn_head.loss_cls,
        'roi_head.bbox_head.loss_bbox': model.roi_head.bbox_head.loss_bbox,
    }


def test_hooks_of_the_base_stay_and_the_rate_is_held(tmp_path: Path, capsys) -> None:
    base = Config.fromfile(BASE)
    base.custom_hooks = [{'type': 'EMAHook'}]
    base.train_cfg = {'type': 'EpochBasedTrainLoop', 'max_epochs': 12}
    base.dump(tmp_path / 'base.py')
    new = apply(tmp_path, str(tmp_path / 'base.py'), 'rpn_cls=focal', '--switch', '0.75', '--hold')
    assert 'after 9 of 12 epochs; the learning rate is held until then, and falls to 0\n' in capsys.readouterr().out
    assert [hook.type for hook in new.custom_hooks] == ['EMAHook', 'mmautoloss.LossSwitchHook']
    warm_up, fall = new.param_scheduler
    assert warm_up == base.param_scheduler[0]
    assert (fall.type, fall.begin, fall.end, fall.convert_to_iter_based) == ('LinearLR', 9, 12, True)


def test_a_config_of_the_new_style_takes_losses_late(tmp_path: Path) -> None:
    lazy = str(CONFIGS / 'digits' / 'faster_rcnn_lazy.py')
    new = apply(tmp_path, lazy, 'rpn_cls=focal', '--switch', '0.5', '--hold')
    assert new.custom_hooks[-1]['at'] == 0.5
    assert [entry['begin'] for entry in new.param_scheduler] == [0, 80]


@pytest.mark.parametrize(
    ('changes', 'options', 'error'),
    [
        ({}, ['--hold'], '--hold holds the learning rate until the losses change'),
        ({}, ['--switch', '1.5'], 'at must be a share of the training, between 0 and 1'),
        ({}, ['--switch', '0.001'], 'at=0.001 of 160 iterations must leave some before it'),
        ({'train_cfg': {'type': 'IterBasedTrainLoop'}}, ['--switch', '0.9'], 'must have a positive max_iters'),
        ({'param_scheduler': {'type': 'OneCycleLR'}}, ['--switch', '0.9', '--hold'], r'OneCycleLR.*leave out --hold'),
        ({'custom_hooks': [{'type': 'LossSwitchHook'}]}, ['--switch', '0.9'], 'has a LossSwitchHook'),
    ],
)
def test_why_losses_cannot_take_over_late(
    tmp_path: Path, capsys, changes: dict[str, Any], options: list[str], error: str
) -> None:
    import re

    base = Config({**Config.fromfile(BASE).to_dict(), **changes})
    base.dump(tmp_path / 'base.py')
    out = tmp_path / 'out.py'
    assert main(['apply', str(tmp_path / 'base.py'), 'rpn_cls=focal', '-o', str(out), *options]) == 2
    printed = capsys.readouterr().err
    assert re.search(error, printed), printed
    assert not out.exists()


ERRORS = {
    'no file': (['no/such.json'], 'there is no no/such.json'),
    'no branch': (['mask=dice'], "no loss 'mask' to replace; there are rpn_cls, rpn_box, roi_cls, roi_box"),
    'no expression': (['rpn_cls=log(p'], "The loss 'rpn_cls': Cannot read"),
    'other inputs': (['rpn_box=i / u'], "Unknown input 'i'"),
    'unfit loss': (['roi_cls=giou'], 'known losses for inputs "softmax" are ce'),
    'unfit sum': (['roi_cls=ce + bce'], "but got 'bce', which is for sigmoid, mask"),
    'mixed': (['roi_cls=ce', 'no/such.json'], 'must be one file or work dir, or NAME=LOSS'),
    'trial of a file': (['{losses}', '--trial', '3'], 'Only a journal has trials to choose from'),
    'map from nowhere': (['{losses}', '--map', 'cls=box'], "this model has no loss 'cls'"),
    'map of nothing': (['{losses}', '--map', 'rpn_cls=cls'], "no found loss 'cls'; there are box"),
    'no place': (['{losses}'], 'None of the found losses .* Name places with --map'),
    'misfit': (['{losses}', '--map', 'rpn_cls=box'], "reads 'delta' and cannot stand at 'rpn_head.loss_cls'"),
    'not ours': (['{other}'], 'must be a best_losses.json'),
    'twice by name': (
        ['roi_cls=dice', 'roi_cls=ce'],
        "RESULT: 'roi_cls' can stand once only, but got 'dice' and 'ce'",
    ),
    'twice by path': (['rpn_cls=bce', 'rpn_head.loss_cls=focal'], "'rpn_cls' and 'rpn_head.loss_cls' are one place"),
    'map twice': (['{losses}', '--map', 'rpn_box=box', 'rpn_head.loss_bbox=box'], 'are one place'),
    'map a name twice': (['{losses}', '--map', 'rpn_box=box', 'rpn_box=box'], "--map: 'rpn_box' can stand once only"),
}


@pytest.mark.parametrize(('arguments', 'error'), ERRORS.values(), ids=ERRORS)
def test_one_clear_error(tmp_path: Path, capsys, arguments: list[str], error: str) -> None:
    import re

    write_losses(tmp_path / 'losses.json', [NamedLoss('box', 'x.loss', 'delta', 'abs(p - y)', 1.0)])
    (tmp_path / 'other.json').write_text(json.dumps({'a': 1}))
    places = {'losses': tmp_path / 'losses.json', 'other': tmp_path / 'other.json'}
    arguments = [argument.format(**places) if '{' in argument else argument for argument in arguments]
    assert main(['apply', BASE, *arguments, '-o', str(tmp_path / 'out.py')]) == 2
    printed = capsys.readouterr().err
    assert re.search(error, printed), printed
    assert not (tmp_path / 'out.py').exists()


def test_the_base_is_not_overwritten(tmp_path: Path, capsys) -> None:
    base, link = tmp_path / 'base.py', tmp_path / 'link.py'
    Config.fromfile(BASE).dump(base)
    link.symlink_to(base)
    before = base.read_bytes()
    for out in (base, link):
        assert main(['apply', str(base), 'rpn_cls=focal', '-o', str(out)]) == 2
        assert '--out must be another file than BASE' in capsys.readouterr().err
    assert base.read_bytes() == before


def test_a_found_loss_without_a_place_is_named(tmp_path: Path, capsys) -> None:
    places = {'rpn': 'rpn_head.loss_cls', 'mask': 'roi_head.mask_head.loss_mask'}
    losses = [NamedLoss(name, path, 'sigmoid', 'abs(p - y)', 1.0) for name, path in places.items()]
    write_losses(tmp_path / 'losses.json', losses)
    new = apply(tmp_path, BASE, str(tmp_path / 'losses.json'))
    assert new.model.rpn_head.loss_cls.type == 'mmautoloss.SearchedLoss'
    told = [line for line in capsys.readouterr().out.splitlines() if 'no place' in line]
    assert told == ['mask: has no place in this model']
    apply(tmp_path, BASE, str(tmp_path / 'losses.json'), '--map', 'rpn_cls=mask')
    assert 'rpn: has no place in this model\n' in capsys.readouterr().out


def test_a_config_that_cannot_be_written(tmp_path: Path, capsys) -> None:
    (tmp_path / 'file').write_text('in the way')
    assert main(['apply', BASE, 'rpn_cls=focal', '-o', str(tmp_path / 'file' / 'c.py')]) == 2
    assert '--out must be a file that can be written' in capsys.readouterr().err
