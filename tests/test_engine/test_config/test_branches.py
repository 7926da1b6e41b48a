"""Settings that name the searched losses, the metric and the seeds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip('mmdet')

from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.errors import SetupError
from mmautoloss.losses import known_loss
from tests.isolation import ROOT

BOTH = {'rpn_cls': ('rpn_head.loss_cls', 'sigmoid'), 'roi_box': ('roi_head.bbox_head.loss_bbox', 'delta')}
ALL = {
    **BOTH,
    'rpn_box': ('rpn_head.loss_bbox', 'delta'),
    'roi_cls': ('roi_head.bbox_head.loss_cls', 'softmax'),
}


def spec(tmp_path: Path, name: str = 'faster_rcnn', **settings: object):
    cfg = load_search_config(str(ROOT / f'configs/digits/{name}_search.py'), str(tmp_path))
    cfg.train_cfg = {**cfg.train_cfg, 'seeds': [], **settings}
    return spec_of(cfg)


@pytest.mark.parametrize(
    ('branches', 'found'),
    [
        pytest.param('all', ALL, id='all'),
        pytest.param(['rpn_head.loss_cls', 'roi_head.bbox_head.loss_bbox'], BOTH, id='paths'),
        pytest.param({'a': 'rpn_head.loss_cls'}, {'a': ('rpn_head.loss_cls', 'sigmoid')}, id='path by name'),
        pytest.param({'a': {'path': 'rpn_head.loss_bbox'}}, {'a': ('rpn_head.loss_bbox', 'delta')}, id='no inputs'),
    ],
)
def test_inputs_are_discovered(tmp_path: Path, branches, found) -> None:
    chosen = spec(tmp_path, branches=branches)
    assert {branch.name: (branch.path, branch.inputs) for branch in chosen.branches} == found
    assert chosen.header['branches'] == {n: {'path': p, 'inputs': i} for n, (p, i) in found.items()}


WRONG = {
    'no loss there': (
        {'branches': ['rpn_head.cls']},
        "no loss at 'rpn_head.cls'. Losses of this model: rpn_head.loss_cls",
    ),
    'a word': ({'branches': 'some'}, "branches must be 'all', a list of paths"),
    'no metric': ({'metric': []}, "metric must be a key such as 'coco/bbox_mAP', or a list"),
    'no key': ({'metric': ['coco/bbox_mAP', 3]}, 'or a list of keys for their mean, got'),
    'aux': ({'aux': 'same'}, "aux must be one of search, keep, off, but got 'same'"),
    'seed of one branch': ({'seeds': [{'rpn_cls': 'ce'}]}, 'A seed must name each branch'),
    'seed that fits not all': ({'seeds': ['ce']}, 'seeds, branch \'rpn_cls\': The known losses for inputs "sigmoid"'),
}


@pytest.mark.parametrize(('settings', 'error'), WRONG.values(), ids=WRONG)
def test_one_clear_error(tmp_path: Path, settings: dict, error: str) -> None:
    with pytest.raises(SetupError, match=re.escape(error)):
        spec(tmp_path, **settings)


def test_mean_of_several_metrics_is_monitored(tmp_path: Path) -> None:
    proxy = spec(tmp_path, metric=['coco/bbox_mAP', 'coco/segm_mAP']).proxy
    assert proxy.value({'coco/bbox_mAP': 0.2, 'coco/segm_mAP': 0.4, 'other': 9.0}) == pytest.approx(0.3)
    with pytest.raises(SetupError, match="gave no 'coco/segm_mAP', only: coco/bbox_mAP"):
        proxy.value({'coco/bbox_mAP': 0.2})


def test_seeds_by_name_hold_for_all_branches(tmp_path: Path) -> None:
    pytest.importorskip('mmseg')
    chosen = spec(tmp_path, 'deeplabv3plus', seeds=['dice', {'decode': 'ce', 'aux': 'mse'}, '-y * log(p)'])
    texts = [list(genome.to_text().values()) for genome in chosen.search.known]
    ce, dice, mse = (known_loss(name, 'softmax') for name in ('ce', 'dice', 'mse'))
    assert texts == [[dice, dice], [ce, mse], [ce, ce]]


def test_seeds_may_be_weighted_sums_of_known_losses(tmp_path: Path) -> None:
    pytest.importorskip('mmseg')
    chosen = spec(tmp_path, 'deeplabv3plus', seeds=['ce_dice', {'decode': 'ce + 0.5 * mse', 'aux': 'ce'}])
    dice, sum_of_two = (list(genome.to_text().values()) for genome in chosen.search.known)
    assert dice == [known_loss('ce_dice', 'softmax')] * 2
    assert sum_of_two == ['-y * log(p) + 0.5 * (p - y) ** 2', '-y * log(p)']
    with pytest.raises(SetupError, match=r"seeds, branch 'decode': Unknown input 'cee' \(there are: p, y, ce, "):
        spec(tmp_path, 'deeplabv3plus', seeds=['cee + 3 * dice'])


def test_seeds_need_no_branch_that_is_left_out(tmp_path: Path) -> None:
    pytest.importorskip('mmseg')
    chosen = spec(tmp_path, 'deeplabv3plus', aux='off', seeds=[{'decode': 'ce', 'aux': 'mse'}])
    assert [genome.to_text() for genome in chosen.search.known] == [{'decode': '-y * log(p)'}]
    assert chosen.base.model.auxiliary_head is None and chosen.proxy.config['model']['auxiliary_head'] is None


def test_nothing_left_to_search(tmp_path: Path) -> None:
    pytest.importorskip('mmseg')
    with pytest.raises(SetupError, match="aux='keep' leaves no loss to search"):
        spec(tmp_path, 'deeplabv3plus', aux='keep', branches=['auxiliary_head.loss_decode'])
