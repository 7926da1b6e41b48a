"""Operators of users: their registration, and their description in a journal.

A journal names the operators of its search with their arities, so that it can be read without the module that defines them;
to compute an expression, that module must be imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from keyword import iskeyword
from typing import Any

import torch
from torch import Tensor

from mmautoloss.errors import ExpressionError, SetupError
from mmautoloss.expr.elapsed import ELAPSED
from mmautoloss.expr.masked import MASKED
from mmautoloss.expr.primitives import ALIASES, ARITY, DRAWN, PRIMITIVES, PUBLISHED, Primitive

Masked = Callable[[Tensor, Tensor], Tensor]

RESERVED = frozenset(
    {
        *ALIASES,
        ELAPSED,
        *('label', 'p_label', 'log_p', 'log_not_p'),  # other tensors of input kinds: of scores,
        *('sides', 'scale', 'union', 'enclosing'),  # and of boxes
        *('number', 'sub', 'rsub', 'at', 'spread', 'share'),  # instructions of fused plans
        *('valid', 'np', 'math', 'torch', 'EPS', 'areas'),  # names in exported code besides the inputs
    }
)
"""Words that the package itself uses in the namespace of inputs and operators."""

TAKEN = RESERVED | set('pyiueq')
"""Names that an operator cannot have: reserved words, and the inputs of the built-in kinds."""

_BUILT_IN = frozenset(PRIMITIVES)
_SHAPE = (2, 3, 4, 5)


def register_primitive(primitive: Primitive, drawn: bool = True, masked: Masked | None = None) -> Primitive:
    """Registers an operator, which text may then use, losses compute, and a search draws.

    Expressions with it are computed operator by operator, differentiated by autograd, and judged by the plain screen. Call
    this in a module that a config imports (``custom_imports``), so that every worker knows the operator.

    Args:
        primitive: The operator; its function must be differentiable, and must not modify its operands.
        drawn: Whether random graphs and mutations draw it; otherwise it is only read and computed, as ``sin`` is.
        masked: ``masked(x, valid)``, the operator restricted to the valid elements (``expr.masked``); required for a unary
            operator that is not elementwise.

    Returns:
        The operator.

    Raises:
        SetupError: It is not a valid operator, or the name is taken.
    """
    _check(primitive, masked)
    known = PRIMITIVES.get(primitive.name)
    if known is not None and (primitive.name in _BUILT_IN or not _agree(known, primitive)):
        raise SetupError(f'There already is an operator {primitive.name!r}, which is another: choose another name.')
    PRIMITIVES[primitive.name] = primitive
    ARITY[primitive.name] = primitive.arity
    if masked is not None:
        MASKED[primitive.name] = masked
    own = {*DRAWN[len(PUBLISHED) :], *([primitive.name] if drawn else [])}
    DRAWN[len(PUBLISHED) :] = sorted(own)  # whatever the order of imports
    return primitive


def custom_primitives() -> dict[str, dict[str, Any]]:
    """The imported operators of users as described in a journal, by arity and some values."""
    own = {name: op for name, op in PRIMITIVES.items() if name not in _BUILT_IN and not _is_absent(op)}
    return {
        name: {'arity': own[name].arity, 'drawn': name in DRAWN, 'values': values_of(own[name])}
        for name in sorted(own)
    }


def declare_primitives(named: Mapping[str, Mapping[str, Any]]) -> None:
    """Makes unknown operators of a journal readable; they cannot be computed.

    Raises:
        ExpressionError: An operator has another arity here.
    """
    for name, description in named.items():
        arity = description['arity']
        if not _is_free_word(name) or arity not in (1, 2):
            raise ExpressionError(f'the operator {name!r} with {arity!r} operand(s) is none that can be')
        if ARITY.get(name, arity) != arity:
            raise ExpressionError(f'the operator {name!r} has {arity} operand(s) there, and {ARITY[name]} here')
        if name not in PRIMITIVES:
            operands = ', '.join(f'{{{k}}}' for k in range(arity))
            latex = rf'\operatorname{{{{{name}}}}}\left({operands}\right)'.replace('_', r'\_')
            PRIMITIVES[name], ARITY[name] = Primitive(name, arity, _Absent(name), latex), arity


def values_of(primitive: Primitive) -> str:
    """Values of an operator on fixed operands, with two digits, by which functions are told apart.

    Example:
        >>> values_of(PRIMITIVES['square'])
        '4.0e+00 2.5e-01 6.2e-02 1.0e+00 9.0e+00 5.6e-01'
    """
    x = torch.tensor([-2.0, -0.5, 0.25, 1.0, 3.0, 0.75]).view(1, 2, 1, 3)
    values = primitive.function(*(x, x.flip(3))[: primitive.arity])
    return ' '.join(f'{value:.1e}' for value in values.flatten().tolist())


class _Absent:
    """The function of an operator whose module is not imported."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *operands: Tensor) -> Tensor:
        raise ExpressionError(
            f'The operator {self.name!r} is of a user: import the module that registers it, by custom_imports of a config '
            'or python -m mmautoloss --import MODULE.'
        )


def _is_absent(primitive: Primitive) -> bool:
    return isinstance(primitive.function, _Absent)


def _agree(known: Primitive, new: Primitive) -> bool:
    """Whether a known name may be registered again: by the same operator, or for one that was only declared."""
    return known.arity == new.arity and (_is_absent(known) or values_of(known) == values_of(new))


def _is_free_word(name: object) -> bool:
    if not isinstance(name, str):
        return False
    return name.isascii() and name.isidentifier() and not iskeyword(name) and name not in TAKEN


def _check(primitive: Primitive, masked: Masked | None) -> None:
    if not isinstance(primitive, Primitive):
        raise SetupError(f'An operator must be a Primitive(name, arity, function, latex), but got {primitive!r}.')
    name, arity = primitive.name, primitive.arity
    if not _is_free_word(name):
        raise SetupError(f'The name of an operator must be a word that means nothing else, but got {name!r}.')
    if arity not in (1, 2):
        raise SetupError(f'The operator {name!r} must have 1 or 2 operands, but has {arity!r}.')
    operands = torch.rand(2, *_SHAPE, generator=torch.Generator().manual_seed(0))[:arity].requires_grad_()
    try:
        primitive.latex.format(*'ab'[:arity])
        value = primitive.function(*operands.unbind())
    except Exception as error:
        raise SetupError(f'The operator {name!r} fails on tensors of the shape {_SHAPE}: {error!r}.') from error
    if not isinstance(value, Tensor) or value.shape != _SHAPE:
        raise SetupError(f'The operator {name!r} must give a tensor of the shape of its operands, {_SHAPE}.')
    if not value.requires_grad:
        raise SetupError(f'The operator {name!r} must be differentiable, but its value depends on no operand.')
    if masked is None and not _is_elementwise(primitive, operands.detach(), value.detach()):
        raise SetupError(
            f'The operator {name!r} looks at more than one element, so it must say what it does where some do not count: '
            'register_primitive(..., masked=...), a function of (x, valid).'
        )


def _is_elementwise(primitive: Primitive, operands: Tensor, value: Tensor) -> bool:
    """Whether permuted elements give equally permuted values."""
    order = torch.randperm(value.numel(), generator=torch.Generator().manual_seed(0))
    shuffled = primitive.function(*operands.flatten(1)[:, order].view_as(operands).unbind())
    return torch.allclose(shuffled.flatten(), value.flatten()[order], rtol=1e-4, atol=1e-6, equal_nan=True)
