"""One table, many ways to compute: each has the value and the gradient of every operator, wherever it stands.

The plain definition, the fused loss, the compiled screen and exported code are compared with ``reference``, and at the ends
of the number range with each other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mmautoloss.expr import PUBLISHED, Tree, compile_tree, parse
from mmautoloss.expr.forms import MASKED_TORCH, NUMPY, TORCH, to_sympy
from mmautoloss.expr.operators import OPERATORS
from mmautoloss.losses import input_kind
from mmautoloss.losses.definition import Call
from mmautoloss.losses.fused import blocks as blocks_module
from mmautoloss.losses.fused import fused_total
from tests.test_expr.test_forms.conftest import to_function
from tests.test_expr.test_operators.cases import CONTEXTS, MASKS, Case, case_of, filled, is_elementwise
from tests.test_expr.test_operators.reference import numpy_code, slope_along, value_of

KIND = input_kind('heatmap')
Result = tuple[Tensor | None, Tensor, Tensor]
"""Values of the elements, where a way has them; their weighted sum; its gradient."""


def defined(tree: Tree, case: Case) -> Result:
    """The definition, with autograd's backward."""
    return _by_autograd(lambda p: compile_tree(tree)({'p': p, 'y': case.y.to(p.dtype)}, case.valid), case)


def written(tree: Tree, case: Case) -> Result:
    """Exported PyTorch code; what does not count is 0 when it comes to it."""
    y = case.y.where(case.counts, 0)
    if case.valid is None:
        return _by_autograd(lambda p: to_function(tree, TORCH)(p, y), case)
    code = to_function(tree, MASKED_TORCH, 'p, y, valid')
    return _by_autograd(lambda p: code(p.where(case.counts, 0), y, case.valid), case)


def fused(tree: Tree, case: Case) -> Result:
    """The fast loss."""
    pred = case.p.clone().requires_grad_()
    weight = None if case.valid is None else case.weight
    total = fused_total(pred, Call(tree, KIND, case.y, weight, None, case.valid))
    return None, total.detach(), torch.autograd.grad(total, pred)[0]


def screened(tree: Tree, case: Case) -> Result:
    """The compiled screen, in float32."""
    pytest.importorskip('numba')
    from mmautoloss.screen import Sample
    from mmautoloss.screen.native.layout import unflat
    from mmautoloss.screen.native.lowering import lower
    from mmautoloss.screen.native.sample_arrays import SampleArrays

    program = lower(tree, KIND)
    arrays = SampleArrays(KIND, Sample(*(x.float() for x in case[:3]), None), 1.0)
    arrays.load(program)
    gradient = unflat(arrays.gradient().copy(), case.p.shape)
    values = unflat(arrays._values[program.root].copy(), case.p.shape)
    return values, (values * case.weight)[case.counts].sum(), gradient


def _by_autograd(function: Callable[[Tensor], Tensor], case: Case) -> Result:
    p = case.p.clone().requires_grad_()
    values = function(p)
    total = (values * case.weight)[case.counts].sum()
    return values.detach(), total.detach(), torch.autograd.grad(total, p)[0]


WAYS: dict[str, tuple[Callable[[Tree, Case], Result], float]] = {
    'definition': (defined, 1e-7),
    'fused at once': (fused, 1e-7),
    'fused blocks': (fused, 1e-7),
    'written': (written, 1e-7),
    'screen': (screened, 1e-3),
}
"""Each way, and how far from the reference it may be, as a share of the largest number."""


@pytest.fixture
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A way to compute; fused calls are never left to autograd, and cut into blocks of a line or two."""
    monkeypatch.setattr(blocks_module, 'TINY', 0)
    if request.param == 'fused blocks':
        monkeypatch.setattr(blocks_module, 'SMALL', 1)
        monkeypatch.setattr(blocks_module, 'ELEMENTS', {'cpu': 12})
    return WAYS[request.param]


def places() -> list[Any]:
    """Each operator in each way that knows it."""
    pairs = product(WAYS, OPERATORS)
    return [pytest.param(way, name, id=f'{way}-{name}') for way, name in pairs if way != 'screen' or name in PUBLISHED]


@pytest.mark.parametrize('mask', MASKS)
@pytest.mark.parametrize(('way', 'name'), places(), indirect=['way'])
def test_value_and_gradient(way: tuple[Callable[[Tree, Case], Result], float], name: str, mask: str) -> None:
    """Those of the reference; NaN and Inf where nothing counts reach neither, and the gradient there is 0."""
    compute, tolerance = way
    for seed, context in enumerate(CONTEXTS):
        tree, case = filled(context, name), case_of(mask, seed)
        values, total, gradient = compute(tree, case.with_strangers())
        wanted, direction, slope = expected(context, name, mask, seed)
        counts, message = case.counts.numpy(), f'{tree}, seed {seed}'
        if values is not None:
            assert_close(values.numpy()[counts], wanted[counts], tolerance, message)
        sizes = np.abs(wanted[counts]).sum()
        assert_close(total.numpy(), (wanted * case.weight.numpy())[counts].sum(), tolerance, message, sizes)
        assert not gradient[~case.counts].any(), message
        parts = gradient.numpy() * direction
        # differences of totals are no more exact than those
        assert_close(parts.sum(), slope, max(tolerance, 1e-6), message, np.abs(parts).sum() + 1e-3 * sizes)


@cache
def expected(context: str, name: str, mask: str, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """The values of a case, a random direction, and the slope of its total along that."""
    tree, case = filled(context, name), case_of(mask, seed)
    counts, weight, arrays = case.counts.numpy(), case.weight.numpy(), case.arrays()
    direction = np.random.default_rng(seed).choice([-1.0, 1.0], counts.shape) * counts
    return value_of(tree, arrays, counts), direction, slope_along(direction, tree, arrays, weight)


def assert_close(found: Any, wanted: Any, tolerance: float, message: str, size: float = 0.0) -> None:
    size = max(float(np.abs(wanted).max()), float(size))
    assert np.abs(found - wanted).max() <= tolerance * size, f'{message}: {found} is not {wanted}'


@pytest.mark.parametrize('mask', MASKS)
@pytest.mark.parametrize(('way', 'name'), places(), indirect=['way'])
def test_at_the_ends_of_the_number_range(
    way: tuple[Callable[[Tree, Case], Result], float], name: str, mask: str
) -> None:
    """Zeros, tiny and large numbers, ties in pools: values of the reference, the gradient of the definition, also Inf."""
    compute, tolerance = way
    least = 1e-3 if name.startswith('mean') else 1e-30  # in means large numbers cancel
    precision = torch.float32 if compute is screened else torch.float64
    for seed in range(4):
        case, tree = case_of(mask, seed, seams=True), filled('sin(p)', name)
        case = case._replace(p=case.p.to(precision), y=case.y.to(precision))
        values, _, gradient = compute(tree, case.with_strangers()._replace(p=case.p, y=case.y))
        slope = defined(tree, case)[2]
        if values is not None:
            with np.errstate(all='ignore'):
                wanted = torch.from_numpy(value_of(tree, case.arrays(), case.counts.numpy()))
            torch.testing.assert_close(
                values[case.counts].double(), wanted[case.counts].double(), rtol=tolerance, atol=least
            )
        torch.testing.assert_close(gradient, slope.to(gradient.dtype), rtol=tolerance, atol=least, equal_nan=True)


@pytest.mark.parametrize('name', OPERATORS)
def test_numpy_code_of_whole_maps(name: str) -> None:
    """Where everything counts, the code is one call, and not one for each element."""
    for shape in ((2, 3, 4, 5), (3, 2, 1, 1), (1, 2, 1, 6)):
        operands = torch.randn(2, *shape, dtype=torch.float64)[: OPERATORS[name].primitive.arity]
        found = numpy_code(name)(*operands.numpy())
        np.testing.assert_allclose(found, OPERATORS[name].primitive.function(*operands).numpy(), rtol=1e-12)


@pytest.mark.parametrize('ideal', [False, True], ids=['exact', 'ideal'])
@pytest.mark.parametrize('name', [*filter(is_elementwise, OPERATORS)])
def test_sympy_text(name: str, ideal: bool) -> None:
    import sympy

    tree = filled('sin(p)', name)
    symbols = sympy.symbols('p y', real=True)
    function = sympy.lambdify(
        symbols, sympy.sympify(to_sympy(tree, ideal), locals=dict(zip('py', symbols, strict=True)))
    )
    for p in (0.4, 2.5, 1e-5) if ideal else (0.4, -2.5, 0.0, 1e-13):
        inputs = {key: torch.full((1, 1, 1, 1), x, dtype=torch.float64) for key, x in (('p', p), ('y', -0.75))}
        assert function(p, -0.75) == pytest.approx(compile_tree(tree)(inputs).item(), rel=1e-6)


def test_sums_and_products_are_seen_from_both_sides() -> None:
    """What the cases rest on: an operator of two operands has the prediction in both."""
    assert filled('sin(p)', 'mul') == parse('p * (p * y)')
    assert NUMPY.calls.keys().isdisjoint({'add', 'mul', 'neg', 'inv', 'square'})
