"""Exported losses that read the elapsed share of the training say how it gets in, and compute it."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
import sympy
import torch

from mmautoloss.expr import compile_tree, parse, random_tree
from mmautoloss.expr.elapsed import reads_elapsed
from mmautoloss.found import Found, NamedLoss
from mmautoloss.found.formats import Options
from mmautoloss.found.formats import config as config_format
from mmautoloss.found.formats import json as json_format
from mmautoloss.found.formats import latex as latex_format
from mmautoloss.found.formats import python as python_format
from mmautoloss.found.formats import sympy as sympy_format
from mmautoloss.found.formats import torch as torch_format
from mmautoloss.losses import INPUT_KINDS, SearchedLoss, input_kind, plain_loss
from mmautoloss.losses.elapsed import training_at
from tests.test_found.test_formats.test_torch import calls, value_and_gradient

SHARES = (0, 0.3, 1.0)
SCHEDULE = '-(1 - t) * y * log(p) + t * (p - y) ** 2'
FOUND = Found((NamedLoss('cls', 'head.loss_cls', 'softmax', SCHEDULE, 1.0),))
LINE = 'pass i / n in iteration i of n'


def exported(writer: Any, expression: str, inputs: str) -> dict[str, Any]:
    text = writer.write(Found((NamedLoss('loss', '', inputs, expression, 1.0),)), Options())
    assert max(map(len, text.splitlines())) <= 119
    scope: dict[str, Any] = {}
    exec(text, scope)
    return scope


@pytest.mark.parametrize('inputs', INPUT_KINDS)
def test_torch_code_takes_an_argument(inputs: str) -> None:
    rng, trees = random.Random(inputs), []
    while len(trees) < 12:
        tree = random_tree(rng, (*input_kind(inputs).names, 't'), depth=3)
        trees += [tree] if reads_elapsed(tree) else []
    for tree in trees:
        code, loss = exported(torch_format, str(tree), inputs)['loss'], plain_loss(tree, inputs)
        for share in SHARES:
            for pred, call in calls(inputs).values():
                order = ['target', 'weight', 'avg_factor'] + ['ignore_index'] * ('ignore_index' in call)
                arguments = [call.get(key) for key in order]
                found = value_and_gradient(lambda *a, c=code, s=share: c(*a, t=s), pred, *arguments)
                with training_at(share):
                    wanted = value_and_gradient(loss, pred, *arguments)
                torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-9, equal_nan=True)


def test_the_default_of_torch_code_is_the_end() -> None:
    pred, target = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    code = exported(torch_format, SCHEDULE, 'softmax')
    torch.testing.assert_close(code['loss'](pred, target), SearchedLoss(SCHEDULE)(pred, target))
    assert code['loss'](pred, target) != code['loss'](pred, target, t=0)
    assert 't=1' not in torch_format.write(Found((NamedLoss('cls', '', 'softmax', '-y * log(p)', 1.0),)), Options())


@pytest.mark.parametrize(
    'text', ['t', '1 - t + p', 'exp(mean_nhw(t)) * p', 'maxpool(t) * y + t * t / (p + t)', SCHEDULE]
)
def test_numpy_code_takes_an_argument(text: str) -> None:
    code = exported(python_format, text, 'softmax')['loss']
    p, y = (torch.rand(2, 3, 4, 5, dtype=torch.float64) for _ in range(2))
    for share in SHARES:
        tensors = {'p': p, 'y': y, 't': torch.full_like(p, share)}
        np.testing.assert_allclose(code(p.numpy(), y.numpy(), share), compile_tree(parse(text))(tensors), rtol=1e-12)


def test_sympy_reads_a_symbol() -> None:
    line = sympy_format.write(FOUND, Options()).splitlines()[-1]
    symbols = {name: sympy.Symbol(name, real=True) for name in 'pyt'}
    value = sympy.sympify(line, locals=symbols).subs({symbols['p']: 0.25, symbols['y']: 1, symbols['t']: 0.5})
    assert float(value) == pytest.approx(-0.5 * np.log(0.25) + 0.5 * 0.75**2)


@pytest.mark.parametrize('writer', [torch_format, python_format])
def test_code_says_what_to_pass(writer: Any) -> None:
    text = ' '.join(writer.write(FOUND, Options()).replace('#', ' ').split())
    assert LINE in text and 't: the elapsed share of the training' in text


def test_other_forms_have_it() -> None:
    latex = ' '.join(latex_format.write(FOUND, Options()).split())
    assert r'\left(1 - t\right)' in latex and '$t$ is the elapsed share of the training' in latex
    scope: dict[str, Any] = {}
    exec(config_format.write(FOUND, Options()), scope)
    assert scope['cls']['expression'] == SCHEDULE
    (entry,) = json.loads(json_format.write(FOUND, Options()))
    assert (
        NamedLoss(**{key: entry[key] for key in ('name', 'path', 'inputs', 'expression', 'weight')}) == FOUND.losses[0]
    )
