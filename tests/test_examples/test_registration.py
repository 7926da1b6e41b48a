"""What cannot be registered is refused, with what was expected."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.errors import ExpressionError, SetupError
from mmautoloss.execute import ExecuteSettings, register_executor
from mmautoloss.expr import (
    DRAWN,
    PUBLISHED,
    Primitive,
    canonical,
    custom_primitives,
    declare_primitives,
    parse,
    random_tree,
    register_primitive,
    simplify,
)
from mmautoloss.expr.custom import RESERVED
from mmautoloss.losses import InputKind, SearchedLoss, input_kind, plain_loss, register_kind
from mmautoloss.losses.inputs.scores import Softmax
from mmautoloss.screen import register_metric
from mmautoloss.strategy import Strategy, register_strategy

LATEX = r'\operatorname{{f}}\left({0}\right)'


def operator(name: str = 'softplus', arity: int = 1, function: Callable = F.softplus, latex: str = LATEX) -> Primitive:
    return Primitive(name, arity, function, latex)


def rolled(x: Tensor) -> Tensor:
    return x.roll(1, dims=3)


def test_an_operator_is_read_drawn_and_computed() -> None:
    register_primitive(operator())
    register_primitive(operator('largest', 2, torch.maximum, 'max({0}, {1})'))
    assert DRAWN[len(PUBLISHED) :] == ['largest', 'softplus']
    drawn = {node for seed in range(200) for node in random_tree(random.Random(seed), ('p', 'y'), 3).nodes}
    assert {'largest', 'softplus'} <= drawn
    pred = torch.randn(5, 3).requires_grad_()
    target = torch.tensor([0, 1, 2, 3, 1])
    for text in ('y * softplus(-log(p))', 'largest(p, 0.5) * y - log(p) * y', 'softplus(2) * p * y'):
        tree = parse(text)
        assert str(tree) == text
        fast, plain = SearchedLoss(tree)(pred, target), plain_loss(tree, 'softmax')(pred, target)
        assert torch.allclose(fast, plain)
        assert torch.allclose(*(torch.autograd.grad(value, pred)[0] for value in (fast, plain)))
    p = pred.softmax(1)
    rows = [(0, 0), (1, 1), (2, 2), (4, 1)]
    wanted = sum(torch.log(1 + 1 / p[row, label]) for row, label in rows) / 4
    assert torch.allclose(SearchedLoss('y * softplus(-log(p))')(pred, target), wanted)


def test_algebra_leaves_an_own_operator_as_it_is() -> None:
    register_primitive(operator('less', 2, torch.minimum, 'min({0}, {1})'))
    register_primitive(operator())
    for text in ('less(p, y)', 'softplus(1)', 'softplus(-p) + softplus(1)', 'less(less(p, 1), y)'):
        assert simplify(parse(text)) == simplify(simplify(parse(text)))
    assert str(simplify(parse('less(p, -(-y))'))) == 'less(p, y)'
    assert canonical(parse('softplus(1) + softplus(y)'), {'p'}) is None
    assert str(canonical(parse('softplus(1) + less(p, y)'), {'p'})) == 'less(p, y)'


def test_maps_that_do_not_count_are_left_to_the_operator_itself() -> None:
    def masked(x: Tensor, valid: Tensor) -> Tensor:
        return rolled(torch.where(valid, x, 0))

    register_primitive(operator('shift', function=rolled), masked=masked)
    pred, target = torch.randn(1, 2, 1, 4).requires_grad_(), torch.tensor([[[0, 1, 255, 1]]])
    loss = SearchedLoss('y * shift(p)', ignore_index=255)(pred, target)
    p = pred.softmax(1)[0, :, 0]
    assert torch.allclose(loss, (p[0, 3] + p[1, 0] + 0) / 3)  # the neighbour of the last one does not count


WRONG = [
    pytest.param(lambda: operator(name='log'), "already is an operator 'log'", id='built in'),
    pytest.param(lambda: operator(name='p'), 'means nothing else', id='input'),
    pytest.param(lambda: operator(name='lambda'), 'means nothing else', id='keyword'),
    pytest.param(lambda: operator(name='a b'), 'must be a word', id='no word'),
    pytest.param(lambda: operator(arity=3), 'must have 1 or 2 operands', id='arity'),
    pytest.param(lambda: operator(arity=2), 'fails on tensors', id='wrong arity'),
    pytest.param(lambda: operator(latex='{1}'), 'fails on tensors', id='latex'),
    pytest.param(lambda: operator(function=torch.sum), 'a tensor of the shape', id='shape'),
    pytest.param(lambda: operator(function=lambda x: 2.0), 'a tensor of the shape', id='no tensor'),
    pytest.param(lambda: operator(function=torch.ones_like), 'must be differentiable', id='constant'),
    pytest.param(lambda: operator(function=rolled), 'masked=...', id='neighbours'),
    pytest.param(lambda: F.softplus, 'must be a Primitive', id='function'),
]


@pytest.mark.parametrize(('make', 'error'), WRONG)
def test_wrong_operators(make: Callable[[], object], error: str) -> None:
    with pytest.raises(SetupError, match=error):
        register_primitive(make())
    assert tuple(DRAWN) == PUBLISHED


def test_the_same_operator_may_come_again_and_another_may_not() -> None:
    register_primitive(operator())
    register_primitive(operator(function=lambda x: F.softplus(x)))  # the module under another name
    with pytest.raises(SetupError, match='which is another'):
        register_primitive(operator(function=F.silu))
    with pytest.raises(SetupError, match='which is another'):
        register_primitive(operator(arity=2, function=torch.maximum))


def test_a_declared_operator_is_read_and_becomes_real_when_it_is_registered() -> None:
    declare_primitives({'softplus': {'arity': 1}})
    tree = parse('softplus(p) * y')
    assert custom_primitives() == {} and tuple(DRAWN) == PUBLISHED
    with pytest.raises(ExpressionError, match="'softplus' is of a user: import"):
        SearchedLoss(tree)(torch.zeros(1, 2), torch.zeros(1).long())
    with pytest.raises(ExpressionError, match='2 operand'):
        declare_primitives({'softplus': {'arity': 2}})
    register_primitive(operator(), drawn=False)
    assert custom_primitives()['softplus']['drawn'] is False and tuple(DRAWN) == PUBLISHED
    assert SearchedLoss(tree)(torch.zeros(1, 2), torch.zeros(1).long()).item() == pytest.approx(0.974077)


class Plain(Softmax):
    name = 'plain'


def changed(**attributes: object) -> InputKind:
    return type('Changed', (Plain,), {'name': 'changed', **attributes})()


@pytest.mark.parametrize(
    ('make', 'error'),
    [
        pytest.param(lambda: Plain, 'an object of a child of InputKind', id='class'),
        pytest.param(lambda: changed(name='softmax'), "The kind 'softmax' is there already", id='name taken'),
        pytest.param(lambda: changed(name='of mine'), 'must be a word', id='no word'),
        pytest.param(lambda: changed(metric=None), 'needs the attribute metric', id='no metric'),
        pytest.param(lambda: changed(from_target=frozenset({'z'})), 'among its names', id='no such input'),
        pytest.param(lambda: changed(names=('p', 'y', 'log')), "cannot be called 'log'", id='operator'),
        pytest.param(lambda: changed(names=('p', 'y', 'lambda')), "cannot be called 'lambda'", id='keyword'),
        pytest.param(lambda: changed(names=('p', 'y', 'ß')), "cannot be called 'ß'", id='letters'),
        pytest.param(lambda: changed(names=('p', 'y', 3)), 'cannot be called 3', id='no text'),
        *(
            pytest.param(
                lambda name=name: changed(names=('p', 'y', name)),
                f"cannot be called '{name}': it is no free word. Words of the package are .*sub",
                id=name,
            )
            for name in sorted(RESERVED)
        ),
    ],
)
def test_wrong_kinds(make: Callable[[], object], error: str) -> None:
    with pytest.raises(SetupError, match=error):
        register_kind(make())


def test_a_kind_gets_its_gradient_by_autograd() -> None:
    """Of a child that writes none, as of the one that does."""

    class Auto(Softmax):
        name = 'auto'
        pull_back = InputKind.pull_back

    register_kind(Auto())
    assert input_kind('auto').pull_back.__func__ is InputKind.pull_back
    pred, target = torch.randn(300, 4).requires_grad_(), torch.randint(0, 4, (300,))
    for text in ('-y * log(p)', '(p - y) ** 2 + p * mean_nhw(p)'):
        gradients = [
            torch.autograd.grad(SearchedLoss(text, inputs=inputs)(pred, target), pred)[0]
            for inputs in ('auto', 'softmax')
        ]
        assert torch.allclose(*gradients, atol=1e-7)


def test_what_is_none_or_taken_is_refused() -> None:
    with pytest.raises(SetupError, match='a child of Strategy'):
        register_strategy(dict)
    with pytest.raises(SetupError, match='has no method propose'):
        register_strategy(type('Empty', (Strategy,), {}))
    with pytest.raises(SetupError, match="The strategy 'RandomSearch' is there already"):
        register_strategy(type('RandomSearch', (Strategy,), {'propose': lambda self, *given: None}))
    with pytest.raises(SetupError, match='a function of'):
        register_executor('mine', None)
    with pytest.raises(SetupError, match="The executor 'local' is there already"):
        register_executor('local', lambda proxy, settings: None)
    with pytest.raises(SetupError, match='must be one of local, ray'):
        ExecuteSettings(executor='mine')
    with pytest.raises(SetupError, match='options is for executors of your own'):
        ExecuteSettings(options={'a': 1})
    with pytest.raises(SetupError, match='a function of'):
        register_metric('mine', 3)
    with pytest.raises(SetupError, match="The metric 'mIoU' is there already"):
        register_metric('mIoU', lambda pred, target, scaling: 0.0)
