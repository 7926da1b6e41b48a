"""Whatever is asked of ``SearchedLoss``, in whatever way it computes: value and gradient are what the call means.

``MMAUTOLOSS_FUZZ=100000`` draws that many cases instead of some thousands.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random

import pytest
import torch

from mmautoloss.expr import Tree, parse
from mmautoloss.losses.fused import blocks, compiler
from tests.test_losses.fuzz.calls import FORMS, Call, draw_call
from tests.test_losses.fuzz.cases import draw_case
from tests.test_losses.fuzz.verdict import judge

CASES = int(os.environ.get('MMAUTOLOSS_FUZZ', 2600))
WAYS = ('tiny', 'at once', 'blocks', 'queued')
QUEUED = ('inputs.rows', 'inputs.scores', 'inputs.heatmaps', 'weighting', 'fused.blocks')
PRECISIONS = (torch.float64, torch.float64, torch.float64, torch.float32, torch.float32, torch.float16)
CLEAR = 0.8
"""Share of all numbers that must be told apart from rounding."""
COMPILED = (
    ('-(y * log(p) + (1 - y) * log(1 - p))', 'sigmoid maps, targets'),
    ('mean_c(mean_c(p) ** 2) + (mean_nhw(p) - y) ** 2', 'heatmap'),
)


@pytest.fixture
def cut(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """How a call is computed, small as it is: by autograd where that pays, all at once, or a line or two at a time.

    Or as on a device whose operations are queued.
    """
    if request.param == 'queued':
        for module in QUEUED:
            monkeypatch.setattr(f'mmautoloss.losses.{module}.is_queued', lambda tensor: True)
    if request.param != 'tiny':
        monkeypatch.setattr(blocks, 'TINY', 0)
    if request.param == 'blocks':
        monkeypatch.setattr(blocks, 'SMALL', 1)
        monkeypatch.setattr(blocks, 'ELEMENTS', {'cpu': 25})
    return request.param


def said(tree: Tree, call: Call) -> str:
    """A case as one can repeat it."""
    tensors = f'pred={call.pred}, target={call.target}, weight={call.weight}'
    return f'{tree} of {call.form}, {call.settings}, {call.options}, {tensors}'


@pytest.mark.parametrize('cut', WAYS, indirect=True)
@pytest.mark.parametrize('form', FORMS)
def test_value_and_gradient_are_what_the_call_means(form: str, cut: str) -> None:
    rng, clear = Random(f'{form}, {cut}'), []
    for _ in range(CASES // (len(WAYS) * len(FORMS))):
        tree, call = draw_case(form, rng, rng.choice(PRECISIONS))
        with torch.autocast('cpu', enabled=call.pred.dtype == torch.float16):
            verdict = judge(tree, call)
        assert not verdict.fault, f'{verdict.fault}: {said(tree, call)}'
        clear.append(verdict.clear)
    assert sum(clear) >= CLEAR * len(clear)


@pytest.mark.parametrize('cut', ['at once'], indirect=True)
@pytest.mark.parametrize(('text', 'form'), COMPILED)
def test_compiled_code_computes_the_same(text: str, form: str, cut: str, request: pytest.FixtureRequest) -> None:
    """Its graphs; and, in longer runs, what the C++ compiler makes of them."""
    if CASES < 10_000:
        request.getfixturevalue('traced')
    rng = Random(form)
    for _ in range(2 + CASES // 10_000):
        call = draw_call(form, rng)
        call.settings.update(compile=True, reduction='mean')
        call.options.pop('reduction_override', None)
        verdict = judge(parse(text), call)
        assert not verdict.fault, f'{verdict.fault}: {said(parse(text), call)}'
    assert not compiler._failed
