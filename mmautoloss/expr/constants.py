"""Folds the constants of expressions, within the range and precision of float32, as in training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from mmautoloss.expr.operators import OPERATORS
from mmautoloss.expr.tree import Tree, format_number, is_number
from mmautoloss.expr.tree import join as apply

_LEAST, _LARGEST = 2.0**-126, 3.4e38
"""Range of normal float32 numbers; above it is Inf, below it precision is lost."""


ON_CONSTANTS: dict[str, Callable[[float], float]] = {
    name: operator.on_number for name, operator in OPERATORS.items() if operator.on_number
}
"""The unary operators as functions of a number."""


def is_constant(tree: Tree) -> bool:
    """Whether a tree is a number, perhaps with a sign."""
    return is_number(tree.nodes[tree.root == 'neg'])


def number_of(tree: Tree) -> float:
    """The value of a constant.

    Raises:
        OverflowError: It is out of the range of float32.
    """
    return _in_range(-float(tree.nodes[1]) if tree.root == 'neg' else float(tree.root))


def constant(value: float) -> Tree:
    """The tree of a number, rounded to 12 digits.

    Raises:
        OverflowError: It is out of the range of float32.
    """
    number = Tree((format_number(float(f'{abs(_in_range(value)):.12g}')),))
    return apply('neg', number) if value < 0 else number


def fold(operator: str, operand: Tree) -> Tree:
    """Applies an operator to a constant; if the result is out of range, the expression stays as it is.

    Example:
        >>> fold('log', Tree(('1',))), fold('exp', Tree(('100',)))
        (Tree(('0',)), Tree(('exp', '100')))
    """
    try:
        return constant(ON_CONSTANTS[operator](number_of(operand)))
    except (OverflowError, ZeroDivisionError):
        return apply(operator, operand)


def total(constants: Iterable[Tree]) -> float:
    """The sum of constants.

    Raises:
        OverflowError: In some order of evaluation it leaves the range of float32.
    """
    numbers = [number_of(number) for number in constants]
    _in_range(sum(map(abs, numbers)))
    return sum(numbers)


def product(constants: Iterable[Tree]) -> float:
    """The product of constants.

    Raises:
        OverflowError: In some order of evaluation it leaves the range of float32.
    """
    numbers = [number_of(number) for number in constants]
    _in_range(math.prod(max(1, abs(number)) for number in numbers))
    _in_range(math.prod(min(1, abs(number)) for number in numbers if number))
    return math.prod(numbers)


def _in_range(value: float) -> float:
    if value and not _LEAST <= abs(value) <= _LARGEST:
        raise OverflowError(value)
    return value
