"""Expressions as text for SymPy."""

from __future__ import annotations

from mmautoloss.expr.forms.statements import write_code
from mmautoloss.expr.forms.style import Style
from mmautoloss.expr.tree import Tree

_EXACT = Style.of('sympy', eps='1.0e-12', cuts=False)
_IDEAL = Style.of('ideal_sympy', eps='', cuts=False)


def to_sympy(tree: Tree, ideal: bool = False) -> str:
    """Writes an expression for ``sympy.sympify`` and ``parse_expr``.

    Inputs are symbols, which should be declared real; ``mean_nhw``, ``mean_c``, ``maxpool`` and ``minpool`` become
    applied undefined functions, since their value depends on other elements.

    Args:
        tree: The expression.
        ideal: Omits the protection of quotients, logarithms and roots, which the exact form includes:
            ``sign(x) * log(Abs(x) + 1.0e-12)``. The ideal form is suited to publication; it is equal up to 1e-12 if the
            operands of logarithms and roots are positive.

    Example:
        >>> from mmautoloss.expr.parsing import parse
        >>> to_sympy(parse('-y * log(p)'))
        '-y * (sign(p) * log(Abs(p) + 1.0e-12))'
        >>> to_sympy(parse('1 - mean_nhw(p * y) / p'), ideal=True)
        '1 - mean_nhw(p * y) / p'
    """
    return write_code(tree, _IDEAL if ideal else _EXACT, '').statements[-1]
