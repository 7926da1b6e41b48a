"""Simplification by SymPy, for which operators that are not elementwise are undefined functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmautoloss.errors import ExpressionError
from mmautoloss.expr.forms import to_sympy
from mmautoloss.expr.operators import LOOKING_AROUND, OPERATORS
from mmautoloss.expr.tree import Tree, apply, format_number

if TYPE_CHECKING:
    import sympy

LARGEST = 40
"""Largest number of nodes of an expression to simplify; larger ones take minutes."""

_OPERATORS = {
    operator.spellings.ideal_sympy.call.removesuffix('({0})'): name
    for name, operator in OPERATORS.items()
    if operator.spellings
}
"""Operators by the name of their function in SymPy."""


def simplify_by_sympy(tree: Tree) -> Tree | None:
    """SymPy's simplest form over real numbers, without the protections; None if it cannot be expressed as a tree.

    Its gradient may differ, which callers must check.

    Example:
        >>> from mmautoloss.expr.parsing import parse
        >>> str(simplify_by_sympy(parse('p * y + p - p * y')))
        'p'
    """
    import sympy

    if tree.size > LARGEST:
        return None
    names = {name: sympy.Symbol(name, real=True) for name in tree.inputs}
    names |= {name: sympy.Function(name, real=True) for name in LOOKING_AROUND}
    try:
        return _to_tree(sympy.simplify(sympy.sympify(to_sympy(tree, ideal=True), locals=names)))
    except (ExpressionError, OverflowError, TypeError, ValueError):  # not a number, or an unknown function
        return None


def _to_tree(expression: sympy.Expr) -> Tree:
    if expression.is_Symbol:
        return Tree((expression.name,))
    if expression.is_number and not expression.args:
        return _number(expression)
    name = type(expression).__name__
    if name == 'Add':
        return _joined('add', expression.as_ordered_terms())
    if name == 'Mul':
        return _product(expression)
    if name == 'Pow':
        return _power(expression.base, expression.exp)
    if name in _OPERATORS:
        return apply(_OPERATORS[name], _to_tree(expression.args[0]))
    raise ExpressionError(f'There is no operator for {expression}.')


def _number(value: Any) -> Tree:
    if value.is_Rational and not value.is_Integer and value.p in (1, -1):
        number = apply('inv', Tree((format_number(int(value.q)),)))
    else:
        number = Tree((format_number(abs(float(value))),))
    return apply('neg', number) if value < 0 else number


def _joined(operator: str, parts: list[Any]) -> Tree:
    trees = [_to_tree(part) for part in parts]
    tree = trees[0]
    for operand in trees[1:]:
        tree = apply(operator, tree, operand)
    return tree


def _product(expression: sympy.Mul) -> Tree:
    if expression.could_extract_minus_sign():
        return apply('neg', _to_tree(-expression))
    above, below = expression.as_numer_denom()
    if below == 1:
        return _joined('mul', list(expression.as_ordered_factors()))
    return (
        apply('mul', _to_tree(above), apply('inv', _to_tree(below))) if above != 1 else apply('inv', _to_tree(below))
    )


def _power(base: Any, exponent: Any) -> Tree:
    if exponent.is_negative:
        return apply('inv', _power(base, -exponent))
    if exponent == 1:
        return _to_tree(base)
    if 2 * exponent == 1:
        return apply('sqrt', _to_tree(base))
    if not exponent.is_Integer:
        raise ExpressionError(f'There is no operator for the power {exponent}.')
    half = apply('square', _power(base, exponent // 2))
    return half if exponent % 2 == 0 else apply('mul', half, _to_tree(base))
