"""Losses as functions of NumPy arrays that do not need this package."""

from __future__ import annotations

from collections.abc import Sequence

from mmautoloss.expr.elapsed import ELAPSED, reads_elapsed
from mmautoloss.expr.forms import NUMPY, Code, write_code
from mmautoloss.found.formats.shared import (
    REDUCTION,
    Options,
    comment,
    elapsed_words,
    headline,
    identifiers,
    remarks,
    rounded_words,
    wrap,
)
from mmautoloss.found.found import Found, NamedLoss
from mmautoloss.losses import input_kind

TAKEN = frozenset({'np', 'math', 'torch', 'EPS', *NUMPY.helpers})
"""Names that a generated function must not have."""


def write(found: Found, options: Options) -> str:
    """One function per branch, which returns the loss of every element."""
    names = identifiers([loss.name for loss in found.losses], TAKEN)
    codes = [write_code(loss.tree, NUMPY, input_kind(loss.inputs).names[0]) for loss in found.losses]
    functions = [
        function(
            names[loss.name],
            loss,
            code,
            docstring(loss, options, 'Arrays', about=rounded_words(loss)),
            f', {ELAPSED}=1.0' if reads_elapsed(loss.tree) else '',
        )
        for loss, code in zip(found.losses, codes, strict=True)
    ]
    operators = frozenset().union(*(code.operators for code in codes))
    lines = comment([*headline(found), REDUCTION, *elapsed_words(found)])
    return '\n'.join(lines) + '\n\n' + '\n\n'.join([NUMPY.head(operators, ''.join(functions)), *functions])


def function(name: str, loss: NamedLoss, code: Code, docstring: list[str], more: str = '') -> str:
    """The text of one function.

    Args:
        name: Its name.
        loss: The loss.
        code: Its code.
        docstring: Its docstring, as lines.
        more: Arguments after the inputs.
    """
    arguments = ', '.join(input_kind(loss.inputs).names) + more
    *assignments, last = code.statements
    body = [*docstring, *assignments, f'return {last}']
    return f'def {name}({arguments}):\n' + ''.join(f'    {line}\n' if line else '\n' for line in body)


def docstring(
    loss: NamedLoss, options: Options, tensors: str, more: Sequence[str] = (), about: Sequence[str] = ()
) -> list[str]:
    """The docstring of a loss, as lines.

    Args:
        loss: The loss.
        options: Options of the format.
        tensors: The type of the inputs, such as ``'Arrays'``.
        more: Lines about further arguments.
        about: Sentences about the loss.
    """
    width = 80
    arguments = []
    for name, meaning in input_kind(loss.inputs).meanings_in(loss.tree).items():
        first, *rest = wrap(f'{name}: {meaning}.', width)
        arguments += [f'    {first}', *(f'        {line}' for line in rest)]
    place = [f'For {loss.path}.'] if loss.path else []
    about = [*place, *about, *remarks(loss, options)]
    return [
        '"""The loss of every element.',
        '',
        *wrap(loss.expression, width),
        *(['', *(line for sentence in about for line in wrap(sentence, width))] if about else []),
        '',
        f'{tensors} are (N, C, H, W); of rows (M, C), (M, C, 1, 1).',
        '',
        'Args:',
        *arguments,
        *(f'    {line}' for line in more),
        '',
        'Returns:',
        f'    Values o of the same shape; the loss is {loss.weight!r} * o.sum() / M.',
        '"""',
    ]
