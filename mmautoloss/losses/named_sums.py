"""Texts in which names of known losses stand for their expressions, such as ``ce + 3 * dice``."""

from __future__ import annotations

import re

from mmautoloss.checks import nearest
from mmautoloss.errors import ExpressionError, SetupError
from mmautoloss.expr import Tree, parse
from mmautoloss.losses.inputs import INPUT_KINDS, input_kind
from mmautoloss.losses.zoo import ZOO, is_known, kinds_of, known_loss

_WORD = re.compile(r'[A-Za-z_]\w*\b(?!\s*\()')
"""A word that is no call of an operator."""


def is_by_name(text: str) -> bool:
    """Whether a text is the name of a known loss or a weighted sum of such; a path is neither.

    Example:
        >>> is_by_name('dice'), is_by_name('ce + 3 * dice'), is_by_name('work_dirs/dice'), is_by_name('p + y')
        (True, True, False, False)
    """
    return is_known(text) or (not {'+', '*'}.isdisjoint(text) and bool(_names(text)))


def kinds_by_name(text: str) -> tuple[str, ...]:
    """The kinds of input for which a text with names is meant: those of all its losses.

    Example:
        >>> kinds_by_name('bce + 3 * dice'), kinds_by_name('ce + bce')
        (('sigmoid', 'mask'), ())
    """
    names = (text,) if is_known(text) else _names(text)
    return tuple(kind for kind in INPUT_KINDS if all(kind in kinds_of(name) for name in names))


def expression_of(text: str, inputs: str) -> str:
    """The expression for which a text stands; a text without names of known losses is returned as it is.

    Args:
        text: A known loss, an expression, or an expression in which names of ``ZOO`` stand for these losses. Inputs of the
            kind have precedence over names.
        inputs: Kind of input.

    Raises:
        SetupError: A loss is not for this kind of input, or the text has names and is no expression.

    Example:
        >>> expression_of('ce + 0.5 * mse', 'softmax')
        '-y * log(p) + 0.5 * (p - y) ** 2'
    """
    if is_known(text):
        return known_loss(text, inputs)
    kind = input_kind(inputs)
    parts = {name: parse(known_loss(name, inputs)) for name in _names(text) if name not in kind.names}
    if not parts:
        return text
    fitting = [name for name, loss in ZOO.items() if inputs in loss.inputs and name not in kind.names]
    try:
        tree = parse(text, (*kind.names, *fitting), kind.ranges)
        return str(Tree(node for leaf in tree.nodes for node in (parts[leaf].nodes if leaf in parts else (leaf,))))
    except ExpressionError as error:
        unknown = [word for word in _WORD.findall(text) if word not in (*kind.names, *fitting)]
        hint = nearest(unknown[0], fitting) if unknown else ''
        raise SetupError(f'{str(error).removesuffix(".")}{hint}.') from None


def _names(text: str) -> tuple[str, ...]:
    words = _WORD.findall(text) if isinstance(text, str) else ()  # what is no text is refused when it is parsed
    return tuple(dict.fromkeys(word for word in words if word in ZOO))
