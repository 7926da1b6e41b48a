"""Weights of losses by a schedule, and those that are chosen: they reach the losses, resumes are exact, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from torch import nn

from mmautoloss.engine.loss_weights import AuxiliaryScheduleHook
from mmautoloss.engine.loss_weights.choices import Table, draw
from mmautoloss.engine.loss_weights.places import losses_at
from mmautoloss.errors import SetupError
from tests.test_engine.test_loss_weights.trainings import PICTURES, train

SEARCHED = {'type': 'mmautoloss.SearchedLoss', 'expression': 'abs(p - y)', 'inputs': 'delta', 'loss_weight': 0.5}


class SeenHook(Hook):
    """Remembers the losses of every iteration, divided by their value with weight 1."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.weights: list[tuple[float, float]] = []

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        head, found = runner.model.head, []
        pred, labels, deltas = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0]), torch.randn(5, 4)
        for loss, target in ((head.loss_cls, labels), (head.loss_box, deltas)):
            given, loss.loss_weight = loss.loss_weight, 1.0
            unit = loss(pred, target)
            loss.loss_weight = given
            found.append(round((loss(pred, target) / unit).item(), 5))
        self.weights.append(tuple(found))


def schedule(**weights: Any) -> dict[str, Any]:
    return {'type': 'mmautoloss.LossWeightScheduleHook', 'weights': weights}


@pytest.mark.parametrize('box', [{'type': 'ToyL1', 'loss_weight': 0.5}, SEARCHED], ids=['library', 'searched'])
def test_a_schedule_reaches_the_losses(tmp_path: Path, box: dict[str, Any]) -> None:
    """By iteration and by share, also of a training that is resumed between."""
    hook = schedule(**{'head.loss_cls': [(0, 1.0), (3, 0.25)], 'head.loss_box': [(0, 0.5), (0.75, 0.0)]})
    wanted = [(1, 0.5)] * 3 + [(0.25, 0.5)] * 3 + [(0.25, 0.0)] * 2
    for resume, begin in ((None, 0), (tmp_path / '0' / 'iter_7.pth', 7)):
        seen = SeenHook()
        runner = train(tmp_path / str(begin), {'model.head.loss_box': box}, [hook, seen], 8, resume, keep=7)
        assert seen.weights == wanted[begin:]
        assert runner.model.head.loss_box.loss_weight == 0


class Heads(nn.Module):
    """A model with two heads, one of them a list."""

    def __init__(self) -> None:
        super().__init__()
        self.decode_head, self.auxiliary_head = nn.Module(), nn.ModuleList([nn.Module(), nn.Module()])
        self.rpn_head = nn.Module()
        for head in (self.decode_head, *self.auxiliary_head):
            head.loss_decode = nn.Identity()
            head.loss_decode.loss_weight = 0.4
        self.rpn_head.loss_cls, self.rpn_head.loss_bbox = nn.Identity(), nn.Identity()
        self.rpn_head.loss_cls.loss_weight, self.rpn_head.loss_bbox.loss_weight = 1.0, 5.0


def test_a_head_stands_for_its_losses() -> None:
    model = Heads()
    assert losses_at(model, 'auxiliary_head') == [f'auxiliary_head.{index}.loss_decode' for index in range(2)]
    assert losses_at(model, 'rpn_head.loss_bbox') == ['rpn_head.loss_bbox']
    with pytest.raises(SetupError, match=r'have different weights .*name each'):
        losses_at(model, 'rpn_head')
    with pytest.raises(SetupError, match=r"no loss at 'aux'.*decode_head.loss_decode"):
        losses_at(model, 'aux')
    model.decode_head.loss_decode.loss_weight = [1.0]
    with pytest.raises(SetupError, match='no loss_weight that could be set'):
        losses_at(model, 'decode_head')


SCHEDULES: dict[str, tuple[Any, str]] = {
    'nothing': ({}, 'weights must be schedules by path'),
    'number': ({'head.loss_cls': 1.0}, 'must be pairs of a begin and a weight'),
    'late': ({'head.loss_cls': [(2, 1.0)]}, 'must begin at 0, but begins at 2'),
    'negative': ({'head.loss_cls': [(0, -1.0)]}, 'must not be negative'),
    'share': ({'head.loss_cls': [(0, 1.0), (1.5, 2.0)]}, 'must be at most 1'),
    'order': ({'head.loss_cls': [(0, 1.0), (3, 2.0), (0.25, 1.0)]}, r'must rise .* these are \[0, 3, 1\]'),
    'twice': ({'head': [(0, 1.0)], 'head.loss_cls': [(0, 1.0)]}, "is part of 'head' and of 'head.loss_cls'"),
    'no loss': ({'neck': [(0, 1.0)]}, "There is no loss at 'neck'"),
}


@pytest.mark.parametrize(('weights', 'error'), SCHEDULES.values(), ids=SCHEDULES)
def test_refused_schedules(tmp_path: Path, weights: Any, error: str) -> None:
    options = {'model.head.loss_box': {'type': 'ToyL1', 'loss_weight': 1.0}, 'model.faults': {'fail_at': 0}}
    with pytest.raises(SetupError, match=error):
        train(tmp_path, options, [{'type': 'LossWeightScheduleHook', 'weights': weights}], 4)


def auxiliary(**settings: Any) -> dict[str, Any]:
    return {
        'type': 'mmautoloss.AuxiliaryScheduleHook',
        'groups': {'main': ['head.loss_cls'], 'aux': ['head.loss_box']},
        'actions': [(1.0, 0.5), (1.0, 0.0), (0.3, 1.0)],
        'period': 2,
        'dataloader': PICTURES,
        'scheduler': 'learned',
        **settings,
    }


def test_choices_reach_the_losses_and_are_the_schedule_at_the_end(tmp_path: Path) -> None:
    """The pasted schedule is the same training, and a resume ends the same."""
    seen, again = SeenHook(), SeenHook()
    options: dict[str, Any] = {}
    chosen = train(tmp_path / 'chosen', options, [auxiliary(), seen], 11, keep=5)
    found = json.loads((tmp_path / 'chosen/auxiliary_schedule.json').read_text())
    assert len(set(seen.weights)) > 1 and set(seen.weights) <= {(1, 0.5), (1, 0), (0.3, 1)}
    assert sum(found['counts'][0]) == 6 and sum(map(abs, found['sums'][0])) > 0
    fixed = train(tmp_path / 'fixed', options, [schedule(**found['weights']), again], 11)
    assert again.weights == seen.weights
    resumed = train(tmp_path / 'resumed', options, [auxiliary()], 11, tmp_path / 'chosen/iter_5.pth')
    assert json.loads((tmp_path / 'resumed/auxiliary_schedule.json').read_text())['weights'] == found['weights']
    states = [runner.model.state_dict() for runner in (chosen, fixed, resumed)]
    assert all(torch.equal(states[0][key], state[key]) for state in states[1:] for key in states[0])


def test_a_table_goes_on_in_the_next_training(tmp_path: Path) -> None:
    train(tmp_path / 'first', {}, [auxiliary(positions=2)], 8)
    table = tmp_path / 'first/auxiliary_schedule.json'
    train(tmp_path / 'second', {}, [auxiliary(positions=2, table=str(table), seed=3)], 8)
    counts = json.loads((tmp_path / 'second/auxiliary_schedule.json').read_text())['counts']
    assert [sum(row) for row in counts] == [4, 4]
    with pytest.raises(SetupError, match='A table for 3 positions and 3 actions is needed'):
        train(tmp_path / 'third', {}, [auxiliary(positions=3, table=str(table))], 8)


def test_better_actions_are_chosen_more_often() -> None:
    table = Table(2, 3)
    assert table.probabilities(0, 1.0) == pytest.approx([1 / 3] * 3)
    for action, reward in ((0, 0.1), (1, 0.3), (1, 0.5)):
        table.add(0, action, reward)
    first, second, third = table.probabilities(0, 1.0)
    assert first < third < second and table.probabilities(1, 1.0) == pytest.approx([1 / 3] * 3)
    assert table.probabilities(0, 0.1)[1] > 0.99 > 0.35 > table.probabilities(0, 100.0)[1]
    scaled = Table(2, 3)
    scaled.load({'sums': [[1e4 * value for value in row] for row in table.sums], 'counts': table.counts})
    assert scaled.probabilities(0, 1.0) == pytest.approx([first, second, third])
    drawn = [draw([0.2, 0.8], 0, period) for period in range(200)]
    assert 130 < sum(drawn) < 190 and drawn == [draw([0.2, 0.8], 0, period) for period in range(200)]


AUXILIARY: dict[str, tuple[dict[str, Any], str]] = {
    'groups': ({'groups': ['head']}, 'groups must be paths by name'),
    'one action': ({'actions': [(1, 1)]}, 'actions must be a list of at least two'),
    'short action': ({'actions': [(1, 1), (1,)]}, 'a weight for each of main, aux'),
    'period': ({'period': 0}, 'period must be at least 1'),
    'scheduler': ({'scheduler': 'best'}, 'scheduler must be one of uniform, learned'),
    'temperature': ({'temperature': 0}, 'temperature must be positive'),
    'table': ({'table': 'none.json'}, 'none.json cannot be read'),
    'no loss': ({'groups': {'main': ['head.loss_x'], 'aux': ['head.loss_box']}}, "no loss at 'head.loss_x'"),
}


@pytest.mark.parametrize(('settings', 'error'), AUXILIARY.values(), ids=AUXILIARY)
def test_refused_choices(tmp_path: Path, settings: dict[str, Any], error: str) -> None:
    with pytest.raises(SetupError, match=error):
        train(tmp_path, {'model.faults': {'fail_at': 0}}, [auxiliary(**settings)], 4)


def test_a_training_that_has_begun_without_it_is_not_continued(tmp_path: Path) -> None:
    train(tmp_path / 'first', {}, [], 5, keep=5)
    with pytest.raises(SetupError, match='begun without it'):
        train(tmp_path / 'second', {}, [auxiliary()], 8, tmp_path / 'first/iter_5.pth')


def test_a_main_loss_that_is_never_called_is_refused(tmp_path: Path) -> None:
    class Hidden(Hook):
        def before_train(self, runner: Any) -> None:
            runner.model.forward = lambda *args, **kwargs: {'loss': torch.zeros((), requires_grad=True)}

    with pytest.raises(SetupError, match=r'calls no loss of the main group \(head.loss_cls\)'):
        train(tmp_path, {}, [auxiliary(), Hidden()], 2)


def test_a_period_after_a_loss_that_was_not_finite_has_no_reward() -> None:
    """Or its NaN would stay in the mean for ever."""
    hook = AuxiliaryScheduleHook({'main': ['a']}, [(1,), (2,)], 1, PICTURES)
    runner: Any = SimpleNamespace(train_loop=SimpleNamespace(max_iters=4))
    hook._choices = [1]
    for now in (torch.nan, 2.0, 1.0):
        hook._main_loss = lambda runner, now=now: now  # type: ignore[method-assign]
        hook._reward(runner)
    assert hook.table.sums == [[0.0, 0.5]] and hook.table.counts == [[0, 1]]
