"""Powers with a numeric exponent, expressed by the operators."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mmautoloss.errors import ExpressionError
from mmautoloss.expr.elapsed import reads_elapsed
from mmautoloss.expr.tree import Tree, apply, arity, format_number, is_number

MAX_EXPONENT = 64
"""Largest exponent that is read."""

Range = tuple[float, float]
"""Least and largest value."""

_ANY: Range = (-math.inf, math.inf)
_ONE = Tree(('1',))
_ODD_RISING = frozenset({'sqrt', 'tanh', 'erf', 'atan'})
_KEEPING = frozenset({'mean_nhw', 'mean_c', 'maxpool', 'minpool'})
_LEAST = '1e-12'
"""Added to a base that may be 0, since the protected logarithm of 0 is 0."""


def power(base: Tree, exponent: float, ranges: Mapping[str, Range] | None = None) -> Tree:
    """The base to the power of a number.

    Integer exponents become products and squares, negative ones inverses, and 0.5 the square root. Any other exponent c
    becomes ``exp(c * log(base))``, which equals the power only if the base is not negative.

    Args:
        base: The base.
        exponent: A number of up to ``MAX_EXPONENT``, with either sign.
        ranges: Least and largest value of inputs, by name, as far as they are known.

    Raises:
        ExpressionError: The exponent is too large or 0, there would be too many nodes, or the base may be negative.

    Example:
        >>> from mmautoloss.expr.parsing import parse
        >>> str(power(parse('p'), -3)), str(power(parse('1 - p'), 1.5, {'p': (0, 1)}))
        ('(1 / p) ** 2 / p', 'exp(1.5 * log(1 - p))')
        >>> str(power(parse('abs(p - y)'), 0.7))
        'exp(0.7 * log(abs(p - y) + 1e-12))'
    """
    if not 0 < abs(exponent) <= MAX_EXPONENT:
        raise ExpressionError(
            f'An exponent must be a number of at most {MAX_EXPONENT} and not 0, but got {exponent:g}; write 1 for a power '
            'of 0.'
        )
    if exponent == int(exponent) or abs(exponent) == 0.5:
        if abs(exponent) == 0.5:
            base, exponent = apply('sqrt', base), math.copysign(1, exponent)
        # inverts first, since the protection of 1e-12 is not small compared to a high power of a small number
        return _whole(base if exponent > 0 else apply('inv', base), int(abs(exponent)))
    if range_of(base, ranges or {})[0] < 0:
        raise ExpressionError(
            f'The power {exponent:g} is read of what is never negative, a probability or such as abs(x), but got {base}. '
            f'Write exp({exponent:g} * log(x)) where x is positive, or abs(x) ** {exponent:g}.'
        )
    return apply('exp', apply('mul', _number(exponent), apply('log', _positive(base))))


def _whole(base: Tree, exponent: int) -> Tree:
    if exponent == 1:
        return base
    half = _whole(base, exponent // 2)
    return apply('mul', apply('square', half), base) if exponent % 2 else apply('square', half)


def _number(value: float) -> Tree:
    number = Tree((format_number(abs(value)),))
    return apply('neg', number) if value < 0 else number


def _positive(base: Tree) -> Tree:
    """The base, with 1e-12 added unless it is an input or ``1 - input``: exact probabilities are not 0, but ``t`` is."""
    complement = base.root == 'add' and base.operands()[0] == _ONE and base.nodes[2:3] == ('neg',)
    if (base.size == 1 or (complement and base.size == 4)) and not reads_elapsed(base):
        return base
    return apply('add', base, Tree((_LEAST,)))


def range_of(tree: Tree, ranges: Mapping[str, Range]) -> Range:
    """Least and largest value of an expression in real arithmetic, as far as they follow from those of its inputs.

    Example:
        >>> from mmautoloss.expr.parsing import parse
        >>> range_of(parse('1 - p * y'), {'p': (0, 1), 'y': (0, 1)}), range_of(parse('p - y'), {})
        ((0.0, 1.0), (-inf, inf))
    """
    stack: list[Range] = []
    for node in reversed(tree.nodes):
        operands = [stack.pop() for _ in range(arity(node))]
        if operands:
            stack.append(_range(node, *operands))
        else:
            stack.append((float(node), float(node)) if is_number(node) else ranges.get(node, _ANY))
    return stack[0]


def _range(operator: str, x: Range, z: Range = _ANY) -> Range:
    if operator == 'add':
        return x[0] + z[0], x[1] + z[1]
    if operator == 'neg':
        return -x[1], -x[0]
    if operator == 'mul':
        ends = [0.0 if 0 in (a, b) else float(a * b) for a in x for b in z]
        return min(ends), max(ends)
    if operator in ('abs', 'square'):
        size = max(abs(x[0]), abs(x[1]))
        return 0, size if operator == 'abs' else size * size
    if operator == 'exp' or (operator in ('inv', *_ODD_RISING) and x[0] >= 0):
        return 0, math.inf
    return x if operator in _KEEPING else _ANY
