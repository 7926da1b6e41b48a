"""Settings, reductions and error texts of SearchedLoss."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from mmautoloss.errors import ExpressionError, SetupError
from mmautoloss.expr import parse
from mmautoloss.losses import SearchedLoss

PRED = torch.tensor([[1.0, 2.0], [3.0, 5.0], [0.0, 0.0]])
TARGET = torch.tensor([[0.0, 0.0], [1.0, 1.0], [4.0, 4.0]])
L1 = [[1.0, 2.0], [2.0, 4.0], [4.0, 4.0]]
WEIGHT = torch.tensor([1.0, 0.5, 0.0])

# settings, arguments of the call, value
VALUES = {
    'mean over the rows': ({}, {}, 17 / 3),
    'sum': ({'reduction': 'sum'}, {}, 17.0),
    'none': ({'reduction': 'none'}, {}, L1),
    'override to sum': ({}, {'reduction_override': 'sum'}, 17.0),
    'override to none': ({}, {'reduction_override': 'none'}, L1),
    'override to mean': ({'reduction': 'sum'}, {'reduction_override': 'mean'}, 17 / 3),
    'avg_factor': ({}, {'avg_factor': 10}, 1.7),
    'avg_factor as tensor': ({}, {'avg_factor': torch.tensor(10.0)}, 1.7),
    'avg_factor and none': ({'reduction': 'none'}, {'avg_factor': 10}, L1),
    'weight': ({}, {'weight': WEIGHT}, 2.0),  # a mean over three rows, as in mmdet
    'weight and sum': ({'reduction': 'sum'}, {'weight': WEIGHT}, 6.0),
    'weight and none': ({'reduction': 'none'}, {'weight': WEIGHT}, [[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]]),
    'weight and avg_factor': ({}, {'weight': WEIGHT, 'avg_factor': 4}, 1.5),
    'loss_weight': ({'loss_weight': 2.0}, {'avg_factor': 10}, 3.4),
    'loss_weight and none': ({'loss_weight': 2.0, 'reduction': 'none'}, {}, [[2.0, 4.0], [4.0, 8.0], [8.0, 8.0]]),
}


@pytest.mark.parametrize(('settings', 'call', 'value'), VALUES.values(), ids=VALUES)
def test_reductions(settings, call, value):
    loss = SearchedLoss('abs(p - y)', inputs='delta', **settings)
    torch.testing.assert_close(loss(PRED, TARGET, **call), torch.tensor(value))


def test_arguments_in_the_order_of_mmdet():
    loss = SearchedLoss('abs(p - y)', inputs='delta')
    assert loss(PRED, TARGET, WEIGHT, 4, 'mean').item() == pytest.approx(1.5)


def test_none_keeps_the_places_of_the_rows():
    loss = SearchedLoss('p', inputs='softmax', ignore_index=9)
    found = loss(torch.zeros(4, 2), torch.tensor([0, 9, 1, 9]), reduction_override='none')
    assert found.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ('settings', 'inputs'),
    [
        ({}, 'softmax'),
        ({'use_sigmoid': True}, 'sigmoid'),
        ({'use_sigmoid': True, 'inputs': 'sigmoid'}, 'sigmoid'),
        ({'inputs': 'delta'}, 'delta'),
    ],
)
def test_default_inputs(settings, inputs):
    loss = SearchedLoss('p - y', **settings)
    assert loss.kind.name == inputs
    assert loss.use_sigmoid == (inputs == 'sigmoid')


def test_expression_may_be_a_tree_and_is_written_back():
    text = '-mean_c(y * log(p))'
    assert SearchedLoss(parse(text)).expression == text
    assert SearchedLoss('  -mean_c(y*log( p ))').expression == text


def test_name_in_logs():
    assert SearchedLoss('p').loss_name == 'loss_searched'
    assert SearchedLoss('p', loss_name='loss_dice').loss_name == 'loss_dice'


def test_has_no_parameters_and_can_be_copied():
    loss = SearchedLoss('abs(p - y)', inputs='delta', loss_weight=2.0)
    assert not loss.state_dict()
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert other(PRED, TARGET).item() == loss(PRED, TARGET).item()
        assert other.expression == 'abs(p - y)'


def test_shows_its_settings():
    shown = repr(SearchedLoss('abs(p - y)', inputs='delta', loss_weight=2.0, class_weight=[1.0, 3.0]))
    for part in ("inputs='delta'", 'loss_weight=2.0', "reduction='mean'", "'abs(p - y)'", 'class_weight=[1.0, 3.0]'):
        assert part in shown


WRONG_SETTINGS = {
    'reduction': ({'reduction': 'avg'}, "reduction must be one of none, mean, sum, .* 'avg'"),
    'loss_name': ({'loss_name': 'dice'}, 'must contain "loss", .* got \'dice\''),
    'loss_weight': ({'loss_weight': [1.0, 2.0]}, r'loss_weight must be a finite number, but got \[1.0, 2.0\]'),
    'class_weight': ({'class_weight': [1, float('nan')]}, 'class_weight must be finite and not negative'),
    'pos_weight': ({'pos_weight': [2.0]}, 'pos_weight needs inputs="sigmoid", but got inputs=\'softmax\''),
    'average': ({'average': 'all'}, "average must be one of positions, class_weight, weights, sum, but got 'all'"),
    'average of nothing': ({'average': 'class_weight'}, 'average="class_weight" needs class_weight, but got None'),
    'average of sigmoids': (
        {'inputs': 'sigmoid', 'class_weight': [1.0], 'average': 'class_weight'},
        'average="class_weight" needs inputs="softmax", but got inputs=\'sigmoid\'',
    ),
    'inputs': (
        {'inputs': 'box'},
        "one of softmax, sigmoid, .*, quality, instance, .*, pairs, cosine, .*, but got 'box'",
    ),
    'use_sigmoid with softmax': (
        {'use_sigmoid': True, 'inputs': 'softmax'},
        'use_sigmoid=True needs inputs="sigmoid", but got inputs=\'softmax\'',
    ),
}


@pytest.mark.parametrize(('settings', 'message'), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS)
def test_wrong_settings(settings, message):
    with pytest.raises(SetupError, match=message):
        SearchedLoss('p', **settings)


@pytest.mark.parametrize(
    ('expression', 'inputs', 'message'),
    [
        ('p - y', 'area', r"Unknown input 'p' \(there are: i, u, e, t\)"),
        ('1 - i / u', 'delta', r"Unknown input 'i' \(there are: p, y, t\)"),
        ('relu(p)', 'softmax', "Unknown operator 'relu'"),
        ('', 'softmax', 'must be text such as'),
        (3, 'softmax', 'must be text such as'),
        (parse('q'), 'softmax', r"Unknown input 'q' \(there are: p, y, t\)"),
    ],
    ids=str,
)
def test_wrong_expressions(expression, inputs, message):
    with pytest.raises(ExpressionError, match=message):
        SearchedLoss(expression, inputs=inputs)


WRONG_CALLS = {
    'reduction_override': (
        {'reduction_override': 'avg'},
        "reduction_override must be one of none, mean, sum, but got 'avg'",
    ),
    'avg_factor with sum': (
        {'reduction_override': 'sum', 'avg_factor': 3},
        'avg_factor cannot be used with reduction="sum"; use "mean"',
    ),
}


@pytest.mark.parametrize(('call', 'message'), WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_wrong_calls(call, message):
    with pytest.raises(SetupError, match=message):
        SearchedLoss('abs(p - y)', inputs='delta')(PRED, TARGET, **call)
