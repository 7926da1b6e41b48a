"""The prefix notation of CSE-Autoloss: read as its authors mean it, refused where it has no meaning here."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.errors import ExpressionError
from mmautoloss.expr import DRAWN, compile_tree, mutate, parse, parse_prefix, simplify
from mmautoloss.expr.parsing import MAX_CHARACTERS
from mmautoloss.expr.prefix import LOGIT, MAX_NODES, OPERATORS

READ = {
    'Neg(Dot(Y,Log(Softmax(X))))': '-(y * log(p))',
    'Dot(Y, Sig(X))': 'y * p',
    'Neg(Neg(Dot(Y,Z)))': '--(y * q)',
    ' Mul( PY ,\n Sub(NY, Q) ) ': 'y * (1 - y - q)',
    'Div(I,U)': 'i / u',
    'Div(1,Add(E,0.25))': 'mul(1, 1 / (e + 0.25))',
    'Sqrt(Exp(Abs(Tanh(Sin(U)))))': 'sqrt(exp(abs(tanh(sin(u)))))',
    '3': '3',
    'I': 'i',
}
# operators that are more than one of ours, by an independent definition
MEANINGS: dict[str, Callable[[Tensor], Tensor]] = {
    'Cos': torch.cos,
    'Relu': F.relu,
    'Softplus': F.softplus,
    'Sig': torch.sigmoid,
    'Salf': lambda x: (1 + (x / 2) / (1 + (x / 2) ** 2) ** 0.5) / 2,
    'Serf': lambda x: (1 + torch.erf(torch.pi**0.5 / 2 * (x / 2))) / 2,
    'Sgdf': lambda x: (1 + torch.sinh(torch.pi / 2 * (x / 2)).atan() * 2 / torch.pi) / 2,
}
REFUSED = {
    # what could reach Python
    "__import__('os')": 'Only names, numbers, brackets and commas',
    'I # U': 'Only names, numbers, brackets and commas',
    'Add(I,[U])': 'Only names, numbers, brackets and commas',
    'Add(I,-1)': 'Only names, numbers, brackets and commas',
    'I.grad': "'I.grad' is not allowed",
    'lambda': 'Cannot read',
    'I if U else E': "'I if U else E' is not allowed",
    '(I, U)': "'(I, U)' is not allowed",
    'True': "'True' is not allowed",
    'torch.exp(I)': "Unknown operator 'torch.exp'",
    'Add(I)(U)': "Unknown operator 'Add(I)'",
    # operators and leaves
    'Pow(I,2)': "Unknown operator 'Pow' (there are: Add, Sub",
    'log(I)': "Unknown operator 'log'",
    'Add(I)': "'Add' takes 2 operand(s), but stands as 'Add(I)'",
    'Neg(I,U)': "'Neg' takes 1 operand(s)",
    'Neg()': "'Neg' takes 1 operand(s)",
    'Add': "Unknown leaf 'Add'",
    'P': "Unknown leaf 'P' (there are: Y, PY",
    'i': "Unknown leaf 'i'",
    '9' * 400: 'finite and not negative, but got inf',
    # logits
    'X': 'a graph reads them only as Softmax(X) or Sig(X)',
    'Mul(Sig(X),Sgdf(X))': "{'X': 'log(p) - log(1 - p)'}",
    'Softmax(Add(X,Y))': "but stands as 'Softmax(Add(X, Y))'",
    'Add(Softmax(X),Sig(X))': 'one prediction p',
    # sums over the channels
    'Log(Dot(Y,Softmax(X)))': '"Dot", a sum over the channels',
    'Add(1,Dot(Y,Softmax(X)))': 'below "Neg" at the root',
    'Dot(Y,Dot(Y,Sig(X)))': '"Dot", a sum over the channels',
    # no grammar
    'Add(I,U': 'Cannot read',
    'Add(I U)': 'Cannot read',
    'Add(I,U))': 'Cannot read',
}
LIMITS = {
    'too long': ('Add(' * MAX_CHARACTERS, f'may have {MAX_CHARACTERS} characters'),
    '1900 signs': ('Neg(' * 1900 + 'I' + ')' * 1900, 'prefix expression'),
    'doubling': ('Relu(' * 60 + 'I' + ')' * 60, f'More than {MAX_NODES} nodes'),
    'empty': (' ', 'must be text such as'),
    'bytes': (b'I', 'must be text such as'),
}


@pytest.mark.parametrize('text', READ)
def test_reads(text):
    assert parse_prefix(text) == parse(READ[text])


@pytest.mark.parametrize('name', MEANINGS)
def test_composed_operators_have_their_value_and_slope(name):
    x = torch.cat([torch.linspace(-30, 30, 400), torch.tensor([-200.0, 200.0])]).double()
    one, other = (x.clone().view(-1, 1, 1, 1).requires_grad_() for _ in range(2))
    found = compile_tree(parse_prefix(f'{name}(I)'))({'i': one})
    wanted = MEANINGS[name](other)
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-11)
    slopes = (torch.autograd.grad(value.sum(), at)[0] for value, at in ((found, one), (wanted, other)))
    torch.testing.assert_close(*slopes, rtol=1e-7, atol=1e-9, equal_nan=name == 'Sgdf')  # cosh of 200 is infinite


@pytest.mark.parametrize('name', ['Sig', 'Salf', 'Serf', 'Sgdf'])
def test_curves_are_scaled_to_that_of_the_sigmoid(name):
    i = torch.tensor([-1e4, 0.0, 1e4], dtype=torch.float64).view(-1, 1, 1, 1).requires_grad_()
    value = compile_tree(parse_prefix(f'{name}(I)'))({'i': i})
    torch.testing.assert_close(value.flatten().tolist(), [0.0, 0.5, 1.0], rtol=0, atol=1e-7)
    assert torch.autograd.grad(value.sum(), i)[0][1].item() == pytest.approx(0.25)


def test_every_operator_can_be_read():
    for name, template in OPERATORS.items():
        operands = ('I', 'U')[: len(parse(template).inputs)]
        assert parse_prefix(f'{name}({",".join(operands)})').inputs == tuple(map(str.lower, operands))


@pytest.mark.parametrize('text', REFUSED, ids=lambda text: ascii(text[:24]))
def test_refuses(text):
    with pytest.raises(ExpressionError) as caught:
        parse_prefix(text)
    assert REFUSED[text] in str(caught.value)


@pytest.mark.parametrize(('text', 'part'), LIMITS.values(), ids=LIMITS)
def test_no_text_exhausts_the_parser(text, part):
    with warnings.catch_warnings(), pytest.raises(ExpressionError) as caught:
        warnings.simplefilter('error')
        parse_prefix(text)
    assert part in str(caught.value)


def test_leaves_can_be_added_and_replaced():
    assert parse_prefix('Mul(W,Y)', leaves={'W': 'w', 'Y': '2 * y'}) == parse('w * (2 * y)')
    with pytest.raises(ExpressionError, match='Cannot read'):
        parse_prefix('W', leaves={'W': 'w +'})


def test_logits_of_sigmoids_come_back():
    x = torch.linspace(-20, 20, 81, dtype=torch.float64).view(-1, 1, 1, 1)
    found = compile_tree(parse_prefix('X', leaves={'X': LOGIT}))({'p': x.sigmoid()})
    torch.testing.assert_close(found, x, rtol=1e-3, atol=1e-3)
    single = x.float()[x.abs() < 15].view(-1, 1, 1, 1)
    found = compile_tree(parse(LOGIT))({'p': single.sigmoid()})
    torch.testing.assert_close(found, single, rtol=0.02, atol=0.02)


def test_further_operators_are_never_drawn(trees):
    drawn = {node for tree in trees for node in tree.nodes}
    assert set(DRAWN) <= drawn
    assert not drawn & {'sin', 'erf', 'atan'}


def test_further_operators_are_mutated_like_any_other():
    rng = random.Random(0)
    seen = set()
    for _ in range(300):
        child, _ = mutate(parse('sin(p) * erf(y) + atan(p)'), rng, ('p', 'y'), max_nodes=40)
        seen.update(child.nodes)
        assert parse(str(child)) == child
    assert {'sin', 'erf', 'atan', *DRAWN} == seen - {'p', 'y', '1'}


@pytest.mark.parametrize(
    ('text', 'simpler'),
    [
        ('sin(-p)', '-sin(p)'),
        ('erf(y - p)', '-erf(p - y)'),
        ('atan(-1 * p)', '-atan(p)'),
        ('atan(1)', '0.785398163397'),
        ('sin(2)', '0.909297426826'),
        ('erf(1)', '0.84270079295'),
        ('erf(sin(0))', '0'),
    ],
)
def test_further_operators_are_simplified(text, simpler):
    assert str(simplify(parse(text))) == simpler
