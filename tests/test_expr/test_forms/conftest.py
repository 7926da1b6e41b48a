"""Code of a form as a function, and graphs in which all operators occur."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import DRAWN, PRIMITIVES, Tree
from mmautoloss.expr.forms import Style, write_code

MORE = tuple(name for name in PRIMITIVES if name not in DRAWN)


def to_function(tree: Tree, style: Style, arguments: str = 'p, y') -> Callable[..., Any]:
    """The code of an expression, run as a stranger would run it."""
    code = write_code(tree, style, 'p')
    body = ''.join(f'    {line}\n' for line in code.statements[:-1]) + f'    return {code.statements[-1]}\n'
    scope: dict[str, Any] = {}
    exec(f'{style.head(code.operators, body)}\n\ndef loss({arguments}):\n{body}', scope)
    return scope['loss']


@pytest.fixture(scope='session')
def graphs(trees: list[Tree]) -> list[Tree]:
    """The trees, with some operators replaced by those that are read but never drawn."""
    rng = random.Random(7)
    unary = [name for name, primitive in PRIMITIVES.items() if primitive.arity == 1]
    found = [
        Tree(rng.choice(MORE) if node in unary and rng.random() < 0.1 else node for node in tree.nodes)
        for tree in trees
    ]
    assert set(PRIMITIVES) <= {node for tree in found for node in tree.nodes}
    return found


def make_inputs(seams: bool) -> dict[str, Tensor]:
    """``p`` and ``y`` (2, 3, 4, 5), float64: of both signs, or of the values at which operators have their seams."""
    generator = torch.Generator().manual_seed(3)
    if not seams:
        p, y = 2 * torch.rand(2, 2, 3, 4, 5, generator=generator, dtype=torch.float64) - 1
    else:
        values = torch.tensor([0.0, 1.0, -1.0, -1e-12, 0.5], dtype=torch.float64)
        p, y = values[torch.randint(5, (2, 2, 3, 4, 5), generator=generator)]
    return {'p': p, 'y': y}


@pytest.fixture(params=[0, 1], ids=['random', 'seams'])
def graphs_and_inputs(request: pytest.FixtureRequest, graphs: list[Tree]) -> tuple[list[Tree], dict[str, Tensor]]:
    """Half of the graphs over random inputs, the other half over seams."""
    return graphs[request.param :: 2], make_inputs(seams=request.param == 1)
