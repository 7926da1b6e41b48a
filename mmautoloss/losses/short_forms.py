"""Shorter forms of a loss, shown only if their gradient is the same.

The gradient with respect to the raw prediction must be the same, and the value must be finite at the same positions. Algebra
over real numbers cannot ensure that, since operators are protected and have breakpoints. So each form is tested in float64
on random calls and at breakpoints, with weights, under which a mean at the root differs from its operand, and with masks,
under which each channel averages over other positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial, reduce
from typing import NamedTuple

import torch
from torch import Tensor

from mmautoloss.expr import Tree, apply, canonical, simplify
from mmautoloss.expr.elapsed import reads_elapsed
from mmautoloss.expr.logarithms import LOGARITHMS
from mmautoloss.expr.tree import fits
from mmautoloss.losses.call_inputs import read
from mmautoloss.losses.inputs import InputKind

TOLERANCE = 1e-9
"""Largest relative difference of two gradients that count as the same."""

_SHARES = (0.0, 0.3, 1.0)
"""Elapsed shares of the training at which losses that read it are compared."""

Simplifier = Callable[[Tree, InputKind], Tree | None]


class ShortForm(NamedTuple):
    """A shorter form, or None and the reason."""

    tree: Tree | None
    reason: str = ''


def by_algebra(tree: Tree, kind: InputKind) -> Tree | None:
    """The canonical form: terms without gradient are left out, constants folded, signs outside."""
    return canonical(tree, kind.from_prediction)


def without_constants(tree: Tree, kind: InputKind) -> Tree | None:
    """The simplest form of the same value, without the terms at the root that have no gradient."""
    terms = [term for term in _terms(simplify(tree)) if not kind.from_prediction.isdisjoint(term.inputs)]
    return simplify(reduce(partial(apply, 'add'), terms)) if terms else None


def _terms(tree: Tree) -> list[Tree]:
    if tree.root == 'add':
        return [term for operand in tree.operands() for term in _terms(operand)]
    if tree.root == 'neg' and tree.nodes[1] == 'add':
        return [apply('neg', term) for term in _terms(tree.operands()[0])]
    return [tree]


def by_sympy(tree: Tree, kind: InputKind) -> Tree | None:
    """The form that SymPy simplifies it to."""
    from mmautoloss.expr.sympy_simplify import simplify_by_sympy

    return simplify_by_sympy(without_constants(tree, kind) or tree)


def shorter_form(
    tree: Tree, kind: InputKind, simplifiers: Sequence[Simplifier] = (by_algebra, without_constants)
) -> ShortForm:
    """The shortest form with fewer nodes and the same gradient.

    Args:
        tree: The expression.
        kind: Its kind of input.
        simplifiers: Functions that propose forms; among forms of one length that of the last function is chosen.

    Example:
        >>> from mmautoloss.expr import parse
        >>> from mmautoloss.losses import input_kind
        >>> str(shorter_form(parse('2 + 1 * abs(p + -y)'), input_kind('delta')).tree)
        'abs(p - y)'
    """
    forms = [simplifier(tree, kind) for simplifier in reversed(simplifiers)]
    shorter = sorted(
        (form for form in forms if form and form.size < tree.size and fits(form)), key=lambda form: form.size
    )
    for form in sorted(shorter, key=lambda form: form.size):
        if same_gradient(tree, form, kind):
            return ShortForm(form)
    if shorter:
        return ShortForm(None, 'A shorter form has another gradient, and is not shown.')
    return ShortForm(None, 'There is no shorter form with the same gradient, as far as is known.')


def same_gradient(tree: Tree, other: Tree, kind: InputKind, seed: int = 0) -> bool:
    """Whether two expressions have the same gradient with respect to the raw prediction, on hundreds of calls.

    Args:
        tree: One expression.
        other: The other one.
        kind: Their kind of input.
        seed: Seed of the calls.
    """
    generator = torch.Generator().manual_seed(seed)
    shares = _SHARES if reads_elapsed(tree) or reads_elapsed(other) else _SHARES[-1:]
    calls = (call._replace(elapsed=share) for call in _calls(kind, generator) for share in shares)
    return all(_same(tree, other, kind, call) for call in calls)


class _Evaluation(NamedTuple):
    """A loss on a call: which values are finite in float32, the gradient, and its rounding error at each position."""

    finite: Tensor
    gradient: Tensor
    rounding: Tensor


def _same(tree: Tree, other: Tree, kind: InputKind, call: _Call) -> bool:
    first, second = _evaluate(tree, kind, call), _evaluate(other, kind, call)
    finite = first.gradient.isfinite() & second.gradient.isfinite()
    size = torch.maximum(first.gradient.abs(), second.gradient.abs()).where(finite, 0).amax(dim=1, keepdim=True)
    close = (first.gradient - second.gradient).abs().where(finite, 0) <= TOLERANCE * size + first.rounding
    alike = first.gradient.isfinite() == second.gradient.isfinite()
    return bool((close & alike).all()) and torch.equal(first.finite, second.finite)


def _evaluate(tree: Tree, kind: InputKind, call: _Call) -> _Evaluation:
    pred = call.pred.clone().requires_grad_()
    program, tensors = read(tree, kind, pred, call.target, call.elapsed)
    leaves = [tensors[name] for name in sorted(tensors) if name in kind.from_prediction | LOGARITHMS]
    values = program(tensors, call.valid)
    if call.valid is not None:
        values = values.where(call.valid, 0)
    weights = 0.5 + torch.rand(values.shape, generator=torch.Generator().manual_seed(0), dtype=values.dtype)
    total = (weights * values).sum() + 0 * sum(leaf.sum() for leaf in leaves)
    gradient, *leaf_gradients = torch.autograd.grad(total, [pred, *leaves])
    # the gradients of the inputs are summed over the channels
    sizes = [part.abs().where(part.isfinite(), 0).amax(dim=1, keepdim=True) for part in leaf_gradients]
    rounding = 64 * torch.finfo(torch.float64).eps * reduce(torch.add, sizes).reshape(len(pred), 1, *pred.shape[2:])
    return _Evaluation(values.float().isfinite() & _finite_in_float32(tree, kind, call), gradient, rounding)


def _finite_in_float32(tree: Tree, kind: InputKind, call: _Call) -> Tensor:
    """Which values are finite, intermediate ones included, such as the terms of ``exp(100) - exp(100)``."""
    target = call.target.float() if call.target.is_floating_point() else call.target
    program, tensors = read(tree, kind, call.pred.float(), target, call.elapsed)
    return program(tensors, call.valid).isfinite()


class _Call(NamedTuple):
    """Raw predictions, targets, the elements that count (all if None), and the elapsed share of the training."""

    pred: Tensor
    target: Tensor
    valid: Tensor | None = None
    elapsed: float = 1.0


def _calls(kind: InputKind, generator: torch.Generator) -> Iterator[_Call]:
    """Random calls of several sizes, breakpoints, and maps in which other positions count in each channel."""
    if kind.name == 'area':
        yield from _boxes(generator)
        return
    shapes: list[tuple[int, ...]] = [(60, 3)] if not kind.maps and kind.name != 'mask' else [(4, 3, 5, 6), (60, 3)]
    if kind.name in ('mask', 'heatmap', 'peak'):
        shapes = [(4, 3, 5, 6)]
    breakpoints = torch.tensor([-800.0, -40.0, -1.0, -1e-6, 0.0, 1e-6, 0.5, 1.0, 40.0, 800.0], dtype=torch.float64)
    for shape in shapes:
        for spread in (0.1, 1.0, 3.0, 10.0):
            pred = spread * torch.randn(shape, generator=generator, dtype=torch.float64)
            yield _Call(pred, _targets(kind, pred, generator))
        if kind.maps and len(shape) == 4:
            channels = 1 if kind.one_hot else shape[1]
            valid = torch.rand(shape[0], channels, *shape[2:], generator=generator) < 0.6
            yield _Call(pred / 5, _targets(kind, pred, generator), valid)
        pred = breakpoints[torch.randint(len(breakpoints), shape, generator=generator)]
        yield _Call(pred, _targets(kind, pred, generator))
        if kind.name in ('delta', 'heatmap'):
            yield _Call(pred, pred.clone())  # where p is y


def _targets(kind: InputKind, pred: Tensor, generator: torch.Generator) -> Tensor:
    if kind.one_hot or kind.related or kind.name == 'cosine':
        return torch.randint(pred.shape[1], (len(pred), *pred.shape[2:]), generator=generator)
    if kind.name == 'quality':
        y, quality = torch.rand((len(pred), pred.shape[1] + 1), generator=generator, dtype=pred.dtype).tensor_split(
            [-1], 1
        )
        return torch.cat([(y > 0.6).to(pred.dtype), quality], dim=1)
    if kind.name == 'bins':
        return (3 * torch.randn(pred.shape, generator=generator, dtype=pred.dtype)).softmax(dim=1)
    if kind.name in ('sigmoid', 'mask', 'instance', 'peak'):
        values = torch.rand(pred.shape, generator=generator, dtype=pred.dtype)
        return torch.where(torch.rand(pred.shape, generator=generator) < 0.7, values.round(), values)
    return torch.randn(pred.shape, generator=generator, dtype=pred.dtype)


def _boxes(generator: torch.Generator) -> Iterator[_Call]:
    corner, sides = (100 * torch.rand(2, 60, 2, generator=generator, dtype=torch.float64)).unbind()
    target = torch.cat([corner, corner + sides + 1], dim=1)
    for spread in (0.1, 2.0, 20.0, 200.0):  # up to boxes far apart, and with corners in another order
        yield _Call(target + spread * torch.randn(target.shape, generator=generator, dtype=torch.float64), target)
    yield _Call(target.clone(), target)
    yield _Call(torch.cat([target[:, :2] + 0.25, target[:, 2:] - 0.25], dim=1), target)
