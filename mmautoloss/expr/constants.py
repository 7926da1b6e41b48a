"""Constants of expressions, folded as training has them: in float32, whose range and precision they must not leave."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from mmautoloss.expr.operators import OPERATORS
from mmautoloss.expr.tree import Tree, format_number, is_number
from mmautoloss.expr.tree import join as apply

_LEAST, _LARGEST = 2.0**-126, 3.4e38
"""What float32 can hold with all its digits; beyond are Inf and, below, numbers that are rounded away."""


ON_CONSTANTS: dict[str, Callable[[float], float]] = {
    name: operator.on_number for name, operator in OPERATORS.items() if operator.on_number
}
"""The operators of one operand, on a number."""


def is_constant(tree: Tree) -> bool:
    """Whether a tree is a number, perhaps with a sign."""
    return is_number(tree.nodes[tree.root == 'neg'])


def number_of(tree: Tree) -> float:
    """The number that a constant is.

    Raises:
        OverflowError: It is beyond the range of float32.
    """
    return _in_range(-float(tree.nodes[1]) if tree.root == 'neg' else float(tree.root))


def constant(value: float) -> Tree:
    """The tree of a number, to 12 digits.

    Raises:
        OverflowError: It is beyond the range of float32.
    """
    number = Tree((format_number(float(f'{abs(_in_range(value)):.12g}')),))
    return apply('neg', number) if value < 0 else number


def fold(operator: str, operand: Tree) -> Tree:
    """An operator over a constant as one number; as it stands where that is beyond range, and training will tell.

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
        OverflowError: In some order it leaves the range of float32.
    """
    numbers = [number_of(each) for each in constants]
    _in_range(sum(map(abs, numbers)))
    return sum(numbers)


def product(constants: Iterable[Tree]) -> float:
    """The product of constants.

    Raises:
        OverflowError: In some order it leaves the range of float32.
    """
    numbers = [number_of(each) for each in constants]
    _in_range(math.prod(max(1, abs(number)) for number in numbers))
    _in_range(math.prod(min(1, abs(number)) for number in numbers if number))
    return math.prod(numbers)


def _in_range(value: float) -> float:
    if value and not _LEAST <= abs(value) <= _LARGEST:
        raise OverflowError(value)
    return value
