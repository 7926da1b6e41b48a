"""Formats expressions as LaTeX."""

from __future__ import annotations

from mmautoloss.expr.primitives import PRIMITIVES
from mmautoloss.expr.tree import Tree, is_number

_SYMBOLS = {'p': r'\hat{y}', 'i': 'I', 'u': 'U', 'e': 'E'}
_SUM, _PRODUCT, _ATOM = range(3)


def to_latex(tree: Tree) -> str:
    r"""Writes an expression as LaTeX maths; the prediction ``p`` is shown as ``\hat{y}``.

    Example:
        >>> from mmautoloss.expr.parsing import parse
        >>> print(to_latex(parse('-mean_c(y * log(p))')))
        -\operatorname{mean}_{c}\left(y \cdot \log\left(\hat{y}\right)\right)
        >>> print(to_latex(parse('1 - i / u')))
        1 - \frac{I}{U}
    """
    return _format(tree)[0]


def _format(tree: Tree) -> tuple[str, int]:
    operands = tree.operands()
    if not operands:
        return _format_leaf(tree.root)
    if tree.root == 'add':
        left, right = operands
        if right.root == 'neg':
            return f'{to_latex(left)} - {_wrap(right.operands()[0], _PRODUCT)}', _SUM
        return f'{to_latex(left)} + {_wrap(right, _PRODUCT)}', _SUM
    if tree.root == 'mul':
        left, right = operands
        if right.root == 'inv':
            return rf'\frac{{{to_latex(left)}}}{{{to_latex(right.operands()[0])}}}', _ATOM
        return rf'{_wrap(left, _PRODUCT)} \cdot {_wrap(right, _ATOM)}', _PRODUCT
    if tree.root == 'neg':
        return f'-{_wrap(operands[0], _PRODUCT)}', _SUM
    if tree.root == 'square':
        return f'{_wrap_base(operands[0])}^{{2}}', _ATOM
    return PRIMITIVES[tree.root].latex.format(*map(to_latex, operands)), _ATOM


def _format_leaf(node: str) -> tuple[str, int]:
    if is_number(node) and 'e' in node:  # 1e-07, which LaTeX would typeset as 1 times e minus 7
        mantissa, exponent = node.split('e')
        return rf'{mantissa} \cdot 10^{{{int(exponent)}}}', _PRODUCT
    return _SYMBOLS.get(node, node.replace('_', r'\_')), _ATOM


def _wrap(tree: Tree, least: int) -> str:
    text, binding = _format(tree)
    return text if binding >= least else rf'\left({text}\right)'


def _wrap_base(tree: Tree) -> str:
    # the power of a power or of a fraction needs brackets, that of a letter does not
    text, binding = _format(tree)
    return text if binding == _ATOM and not tree.operands() else rf'\left({text}\right)'
