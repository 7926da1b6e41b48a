"""Formats expressions as infix text, which ``parse`` reads back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmautoloss.expr.primitives import ARITY

# Precedence of operators, lowest first; everything else is a leaf or a call.
_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)


def format_nodes(nodes: Sequence[str]) -> str:
    """Formats an expression so that ``parse`` returns the same tree; this is ``str(tree)``.

    Args:
        nodes: The expression in prefix order, as ``Tree.nodes``.

    Example:
        >>> format_nodes(('mul', 'p', 'inv', 'add', 'y', 'neg', '1'))
        'p / (y - 1)'
    """
    stack: list[_Written] = []
    for node in reversed(nodes):
        operands = [stack.pop() for _ in range(ARITY.get(node, 0))]
        stack.append(_write(node, *operands))
    return stack[0].text


class _Written:
    """Text with its precedence, the operator at its root, and its operands."""

    __slots__ = ('binding', 'node', 'operands', 'text')

    def __init__(self, node: str, text: str, binding: int, operands: tuple[_Written, ...]) -> None:
        self.node, self.text, self.binding, self.operands = node, text, binding, operands

    def within(self, least: int) -> str:
        """The text, in brackets if its precedence is lower."""
        return self.text if self.binding >= least else f'({self.text})'


def _write(node: str, *operands: _Written) -> _Written:
    write = _WRITE.get(node)
    if write is not None:
        return _Written(node, *write(*operands), operands)
    text = f'{node}({", ".join(operand.text for operand in operands)})' if operands else node
    return _Written(node, text, _ATOM, operands)


def _sum(left: _Written, right: _Written) -> tuple[str, int]:
    if right.node == 'neg':
        return f'{left.within(_SUM)} - {right.operands[0].within(_PRODUCT)}', _SUM
    return f'{left.within(_SUM)} + {right.within(_PRODUCT)}', _SUM


def _product(left: _Written, right: _Written) -> tuple[str, int]:
    # ``1 / x`` is read as the inverse, so a product with the constant 1 is written as a product
    if right.node == 'inv' and left.node != '1':
        return f'{left.within(_PRODUCT)} / {right.operands[0].within(_SIGN)}', _PRODUCT
    return f'{left.within(_PRODUCT)} * {right.within(_SIGN)}', _PRODUCT


_WRITE: dict[str, Callable[..., tuple[str, int]]] = {
    'add': _sum,
    'mul': _product,
    'inv': lambda operand: (f'1 / {operand.within(_SIGN)}', _PRODUCT),
    'neg': lambda operand: (f'-{operand.within(_SIGN)}', _SIGN),
    'square': lambda operand: (f'{operand.within(_ATOM)} ** 2', _POWER),
}
