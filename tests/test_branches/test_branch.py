"""Branches against the model that was built."""

from __future__ import annotations

import pytest
from mmengine.registry import MODELS

import mmautoloss.testing.toy  # noqa: F401
from mmautoloss.branches import Branch, build_branches, check_branches, find_losses
from mmautoloss.errors import SetupError
from mmautoloss.testing.toy_searches import BASE


@pytest.fixture
def model():
    return MODELS.build(BASE['model'])


def test_losses_of_a_model_are_found(model) -> None:
    assert [loss.path for loss in find_losses(model)] == ['head.loss_cls', 'head.loss_box']


def test_fitting_branches_pass(model) -> None:
    check_branches(
        model,
        (Branch('cls', 'head.loss_cls', 'softmax'), Branch('box', 'head.loss_box', 'delta')),
    )


WRONG = [
    pytest.param(
        Branch('cls', 'head.loss_clss', 'softmax'),
        False,
        r"no loss at 'head.loss_clss'. Losses of this model: head.loss_cls, head.loss_box",
        id='path',
    ),
    pytest.param(
        Branch('box', 'head.loss_box', 'area'),
        False,
        r'passes deltas. Set reg_decoded_bbox=True in head, or inputs="delta"',
        id='areas of deltas',
    ),
    pytest.param(
        Branch('box', 'head.loss_box', 'delta'),
        True,
        r'passes decoded boxes. Set reg_decoded_bbox=False in head',
        id='deltas of boxes',
    ),
    pytest.param(
        Branch('cls', 'head.loss_cls', 'sigmoid'),
        False,
        r"built for softmax \(ToyCrossEntropy with use_sigmoid=False.*got inputs='sigmoid'. Set inputs='softmax'",
        id='activation',
    ),
]


@pytest.mark.parametrize(('branch', 'decoded', 'error'), WRONG)
def test_unfit_branch(model, branch: Branch, decoded: bool, error: str) -> None:
    model.head.reg_decoded_bbox = decoded
    with pytest.raises(SetupError, match=error):
        check_branches(model, (branch,))


@pytest.mark.parametrize(
    ('settings', 'error'),
    [
        pytest.param({}, "must be 'all', a list of paths", id='none'),
        pytest.param({'a': {'inputs': 'delta'}}, "'a' needs the keys path and inputs", id='no path'),
        pytest.param({'a': {'path': 'x', 'inputs': 'delta', 'z': 1}}, 'but got path', id='key'),
        pytest.param({'a': {'path': 'x', 'inputs': 'logit'}}, "one of softmax.*'logit'", id='kind'),
    ],
)
def test_unfit_settings(settings: dict, error: str) -> None:
    with pytest.raises(SetupError, match=error):
        build_branches(settings, lambda: MODELS.build(BASE['model']))


def test_config_of_a_searched_loss_keeps_what_sizes_the_head() -> None:
    config = Branch('cls', 'rpn_head.loss_cls', 'sigmoid').config('-y * log(p)', 0.5)
    assert config == {
        'type': 'mmautoloss.SearchedLoss',
        'expression': '-y * log(p)',
        'inputs': 'sigmoid',
        'loss_weight': 0.5,
        'use_sigmoid': True,
    }
    assert 'use_sigmoid' not in Branch('b', 'x.loss', 'delta').config('abs(p - y)', 1.0)
