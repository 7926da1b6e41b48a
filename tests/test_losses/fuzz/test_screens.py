"""The gradients by which both screens judge an expression are those of the calls that they were given."""

from __future__ import annotations

from random import Random

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import Tree, canonical
from mmautoloss.losses import plain_loss
from mmautoloss.losses.inputs.rows import as_nchw
from mmautoloss.screen import PROBE_METRICS, Probe, Sample
from tests.test_losses.fuzz.calls import FORMS, Call
from tests.test_losses.fuzz.cases import draw_case
from tests.test_losses.fuzz.contract import evaluate
from tests.test_losses.fuzz.rounding import Rounding
from tests.test_losses.fuzz.test_calls import CASES, said
from tests.test_losses.fuzz.verdict import compared, judge

pytest.importorskip('numba', reason='the compiled screen')

WIDE = 8
"""Rounding of compiled code, which has its own exponentials and logarithms, as a multiple of torch's."""
CLEAR = 0.65
"""Share of all numbers that must be told apart from that."""
CARRIED = ('class_weight', 'pos_weight', 'average', 'use_target_weight', 'ignore_index')


def probe_of(call: Call) -> Probe:
    """A probe of one sample."""
    settings = {name: call.settings[name] for name in CARRIED if call.settings.get(name) is not None}
    factor = call.options.get('avg_factor')
    sample = Sample(
        call.pred, call.target, call.weight, None if factor is None else float(factor), call.ignored, settings
    )
    metric = 'delta_iou' if 'delta_iou' in PROBE_METRICS else next(iter(PROBE_METRICS))
    return Probe(call.kind, metric, (sample,), {})


def of_compiled_code(tree: Tree, probe: Probe) -> Tensor | None:
    """The gradient of the predictions that count, as a line; None where the expression is left to the plain screen."""
    from mmautoloss.screen.native.lowering import lower
    from mmautoloss.screen.native.sample_arrays import SampleArrays, divisor_of

    program, (sample,) = lower(tree, probe.kind), probe.samples
    if program is None:
        return None
    field = SampleArrays(probe.kind, sample, divisor_of(sample, probe.kind))
    field.load(program)
    return torch.from_numpy(field.gradient().copy())


def counted(gradient: Tensor, sample: Sample, probe: Probe) -> Tensor:
    """What of a gradient belongs to the predictions that count, as a line."""
    from mmautoloss.screen.native.layout import flat

    return torch.from_numpy(flat(as_nchw(sample.rows(probe.kind, gradient).pred)))


def draw(form: str, rng: Random) -> tuple[Tree, Call] | None:
    """A case as a head can give it to a screen: a mean, of predictions of which some count, that a loss depends on."""
    tree, call = draw_case(form, rng, torch.float32)
    call = call._replace(settings=call.settings | {'reduction': 'mean', 'loss_weight': 1.0})
    call.options.pop('reduction_override', None)
    probe = probe_of(call)
    if canonical(tree, probe.kind.from_prediction) is None or not probe.samples[0].rows(probe.kind).pred.numel():
        return None
    return tree, call


@pytest.mark.parametrize('form', [form for form in FORMS if form != 'sigmoid numbers'])
def test_gradients_of_both_screens(form: str) -> None:
    rng, clear = Random(form), []
    for _ in range(CASES // (5 * len(FORMS))):
        case = draw(form, rng)
        if case is None:
            continue
        (tree, call), probe = case, probe_of(case[1])
        (sample,) = probe.samples
        verdict = judge(tree, call, plain_loss(tree, call.kind, sample.settings))
        assert not verdict.fault, f'plain screen, {verdict.fault}: {said(tree, call)}'
        wanted = evaluate(tree, call, Rounding(torch.float32, seed=0, units=2 * WIDE))
        found = of_compiled_code(tree, probe)
        if found is not None:
            lines = torch.stack([counted(copy, sample, probe).double() for copy in wanted.gradient])
            verdict = compared('gradient', found, lines, wanted, torch.float32)
            assert not verdict.fault, f'compiled screen, {verdict.fault}: {said(tree, call)}'
            clear.append(verdict.clear)
    assert sum(clear) >= CLEAR * len(clear) > 0
