"""Portraits of the losses of a search: what is there for each branch, and what they say where something is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmautoloss.engine.illustration.portraits import portraits_of
from mmautoloss.expr import Genome
from mmautoloss.testing.toy_searches import toy_config
from mmautoloss.trial import Outcome, Record, Role, State, Trial

BRANCHES = {
    'cls': {'path': 'head.loss_cls', 'inputs': 'softmax'},
    'box': {'path': 'head.loss_box', 'inputs': 'delta'},
    'iou': {'path': 'head.loss_box', 'inputs': 'area'},
}


@pytest.fixture
def record() -> Record:
    found = Record()
    found.header = {'branches': BRANCHES}
    found.history.add(Trial(0, Role.BASELINE, 0, origin='hand-made'))
    found.history.settle(0, Outcome(State.COMPLETE, 0.3))
    genome = Genome.from_text({'cls': '-mean_nhw(y * log(p))', 'box': '2 * abs(mean_c(p) - y)', 'iou': '1 - i / u'})
    weights = {'cls': 1.0, 'box': 0.25, 'iou': 2.0}
    found.history.add(Trial(1, Role.KNOWN, 0, genome, weights, origin='known'))
    found.history.settle(1, Outcome(State.COMPLETE, 0.5))
    return found


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    cfg = toy_config(tmp_path)
    cfg.dump(tmp_path / 'search_config.py')
    return tmp_path


def test_each_branch_has_its_figures(record: Record, work_dir: Path) -> None:
    figures = {figure.name: figure for figure in portraits_of(record, record.history[1], work_dir)}
    assert list(figures) == [
        *('trial1_cls_curves', 'trial1_cls_tree', 'trial1_box_curves', 'trial1_box_tree'),
        *('trial1_iou_curves', 'trial1_iou_surface', 'trial1_iou_tree', 'trial1_ancestry'),
    ]
    for figure in figures.values():
        assert figure.svg.startswith('<svg') and figure.title and figure.caption
        json.loads(figure.table.to_json_text())
    assert 'ToyCrossEntropy' in figures['trial1_cls_curves'].caption
    assert 'one cell' in figures['trial1_cls_curves'].caption
    assert 'one channel' in figures['trial1_box_curves'].caption
    assert figures['trial1_ancestry'].table.column('added') == [
        str(tree) for tree in record.history[1].genome.values()
    ]


def test_both_losses_have_their_weights(record: Record, work_dir: Path) -> None:
    """The toy's L1 has a loss_weight of 0.5, and the found loss is twice L1 with a weight of a quarter: one curve."""
    (table,) = [
        each.table for each in portraits_of(record, record.history[1], work_dir) if each.name == 'trial1_box_curves'
    ]
    rows = {name: [row[1:] for row in table.rows if row[0] == name] for name in ('hand-made', 'found')}
    assert len(rows['found']) == len(rows['hand-made']) > 300
    for one, other in zip(rows['hand-made'], rows['found'], strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-6)


def test_without_a_config_the_found_losses_stand_alone(record: Record, tmp_path: Path) -> None:
    figures = portraits_of(record, record.history[1], tmp_path)
    curves = [figure for figure in figures if figure.name.endswith(('curves', 'surface'))]
    assert len(curves) == 4
    for figure in curves:
        assert set(figure.table.column('loss')) == {'found'}
        assert 'Without the hand-made loss: there is no search_config.py in the work dir.' in figure.caption


def test_hand_made_losses_have_no_portrait(record: Record, work_dir: Path) -> None:
    assert portraits_of(record, record.history[0], work_dir) == ()


def test_a_loss_that_reads_the_elapsed_share_is_drawn_at_three(record: Record, work_dir: Path) -> None:
    genome = Genome.from_text({'cls': '-(1 - t) * y * log(p)', 'box': 'abs(p - y)', 'iou': 't * (1 - i / u)'})
    record.history.add(Trial(2, Role.SEARCH, 0, genome, {'cls': 1.0, 'box': 0.5, 'iou': 2.0}, origin='random'))
    record.history.settle(2, Outcome(State.COMPLETE, 0.6))
    figures = {figure.name: figure for figure in portraits_of(record, record.history[2], work_dir)}
    stages = ['found, t = 0', 'found, t = 1/2', 'found, t = 1']
    for name in ('cls', 'iou'):
        table = figures[f'trial2_{name}_curves'].table
        assert set(table.column('loss')) - {'hand-made'} == set(stages)
        assert 't = 1/2' in figures[f'trial2_{name}_curves'].svg
        assert 'elapsed share' in figures[f'trial2_{name}_curves'].caption
    values = {name: [row for row in figures['trial2_cls_curves'].table.rows if row[0] == name] for name in stages}
    for whole, half, end in zip(*(values[name] for name in stages), strict=True):
        assert (half[4], end[4]) == pytest.approx((whole[4] / 2, 0), abs=1e-5)
    assert set(figures['trial2_iou_surface'].table.column('loss')) - {'hand-made'} == {'found, t = 1'}
    assert set(figures['trial2_box_curves'].table.column('loss')) == {'hand-made', 'found'}
    assert 'elapsed share' not in figures['trial2_box_curves'].caption
