"""Expressions as Python statements: shared parts are computed once, and long expressions are split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import NamedTuple

from mmautoloss.errors import ExpressionError
from mmautoloss.expr.elapsed import ELAPSED, reads_elapsed
from mmautoloss.expr.forms.style import Style
from mmautoloss.expr.operators import LOOKING_AROUND
from mmautoloss.expr.program import Step, compile_tree
from mmautoloss.expr.tree import Tree, is_number

WIDTH = 76
"""Largest length of a statement, so that with its name and indentation it fits into the line of any formatter."""

_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)
_LETTERS = 'abcdfghkmnqrstvwxz'  # without the names of the inputs of kinds and letters that look like digits


class Code(NamedTuple):
    """An expression as code.

    Attributes:
        statements: Lines without indentation; the last one is the value, without ``return``.
        operators: The operators in use that are written as calls.
    """

    statements: tuple[str, ...]
    operators: frozenset[str]


def write_code(tree: Tree, style: Style, like: str) -> Code:
    """Writes an expression as code that computes the tensor at its root, of the shape of the inputs.

    Args:
        tree: The expression.
        style: The spelling of the library.
        like: Name of an input that gives constants their shape.

    Example:
        >>> from mmautoloss.expr.forms.numpy_form import NUMPY
        >>> from mmautoloss.expr.parsing import parse
        >>> print('\\n'.join(write_code(parse('(p - y) ** 2 + abs(p - y)'), NUMPY, 'p').statements))
        a = p - y
        a**2 + np.abs(a)
    """
    writer = _Writer(tree, style, like)
    root = writer.root()
    return Code((*writer.statements, root), frozenset(style.calls.keys() & set(tree.nodes)))


class _Text(NamedTuple):
    text: str
    binding: int


class _Writer:
    """The statements of one expression, and the names that they define."""

    def __init__(self, tree: Tree, style: Style, like: str) -> None:
        self.steps = compile_tree(tree).steps
        self.style, self.like = style, like
        self.uses = Counter(operand for step in self.steps for operand in step.operands)
        self.constant = _constants(self.steps)
        self.texts: dict[int, _Text] = {}
        self.statements: list[str] = []
        if style.elapsed and reads_elapsed(tree):
            self.statements.append(f'{ELAPSED} = {style.elapsed.format(like=like)}')
        self.names = (name for name in _names() if name not in tree.inputs)

    def root(self) -> str:
        last = len(self.steps) - 1
        value = self._operand(last, constants=True, in_call=False)
        if not self.constant[last]:
            return value.text
        if self.style.cuts and self._number(last) is None:
            value = self._named(value)
        return self.style.spread.format(value=value.text, like=self.like)

    def _text(self, index: int) -> _Text:
        waiting = [index]  # without recursion, since calls may be nested deeper than Python's limit
        while waiting:
            missing = [operand for operand in self._read_by(waiting[-1]) if operand not in self.texts]
            if missing:
                waiting.append(missing[0])
                continue
            index = waiting.pop()
            if index not in self.texts:
                self.texts[index] = self._number(index) or self._first_text(index)
        return self.texts[index]

    def _read_by(self, index: int) -> tuple[int, ...]:
        """The steps that have to be written before a step."""
        return self._joined(index)[1] if self.steps[index].operands else ()

    def _first_text(self, index: int) -> _Text:
        node, operands = self.steps[index]
        if not operands:
            return _Text(node, _ATOM)
        text = self._fitting(index)
        return self._named(text) if self.uses[index] > 1 and self.style.cuts else text

    def _named(self, text: _Text) -> _Text:
        name = next(self.names)
        self.statements.append(f'{name} = {text.text}')
        return _Text(name, _ATOM)

    def _fitting(self, index: int) -> _Text:
        """The text of an operation; if it is too long, its longest operands get names."""
        node, operands = self._joined(index)
        while True:
            text = self._write(node, operands)
            longest = max(operands, key=lambda operand: len(self._text(operand).text))
            if len(text.text) <= WIDTH or not self.style.cuts or self._is_short(longest):
                return text
            self.texts[longest] = self._named(self.texts[longest])

    def _is_short(self, index: int) -> bool:
        return self._number(index) is not None or self._text(index).text.isidentifier()

    def _joined(self, index: int) -> tuple[str, tuple[int, ...]]:
        """``a + -b`` as a difference, ``a * (1 / b)`` as a quotient, and the mean of a constant as the constant."""
        node, operands = self.steps[index]
        while node in LOOKING_AROUND and self.constant[operands[0]]:
            node, operands = self.steps[operands[0]] if self.steps[operands[0]].operands else ('same', operands)
        if len(operands) == 2:
            right = self.steps[operands[1]]
            used_once = self.uses[operands[1]] == 1 or not self.style.cuts
            if (node, right.node) == ('add', 'neg') and (used_once or self._number(operands[1])):
                return 'sub', (operands[0], right.operands[0])
            if (node, right.node) == ('mul', 'inv') and used_once and self.style.divides:
                return 'div', (operands[0], right.operands[0])
        return node, operands

    def _write(self, node: str, operands: tuple[int, ...]) -> _Text:
        constants = all(self.constant[operand] for operand in operands)
        in_call = node in self.style.calls
        parts = [self._operand(operand, constants, in_call) for operand in operands]
        if in_call:
            return _Text(_short(self.style.calls[node].format(parts[0].text)), _ATOM)
        if node in ('inv', 'div'):
            return self._quotient(*parts)
        if node not in OPERATIONS:
            raise ExpressionError(
                f'The operator {node!r} is of a user, so this form has no code for it; config, latex and json have it.'
            )
        return OPERATIONS[node](*parts)

    def _quotient(self, *parts: _Text) -> _Text:
        above = _wrap(parts[0], _PRODUCT) if len(parts) == 2 else '1'
        below = f'({parts[-1].text} + {self.style.eps})' if self.style.eps else _wrap(parts[-1], _POWER)
        return _Text(f'{above} / {below}', _PRODUCT)

    def _operand(self, index: int, constants: bool, in_call: bool) -> _Text:
        """The text of an operand; some numbers become tensors, since Python raises errors where tensors overflow."""
        number = self._number(index)
        if number is None or (not constants and abs(float(number.text)) < _LARGEST):
            return self._text(index)
        template = self.style.number_in_call if in_call else self.style.number
        as_float = number.text if {'.', 'e'} & set(number.text) else f'{number.text}.0'
        text = template.format(value=number.text, float=as_float, like=self.like)
        return _Text(text, _ATOM if '(' in text else number.binding)

    def _number(self, index: int) -> _Text | None:
        """A number with its sign."""
        node, operands = self.steps[index]
        if is_number(node):
            return _Text(node.replace('e+', 'e'), _ATOM)
        if node == 'neg' and is_number(self.steps[operands[0]].node):
            return _Text(f'-{self._text(operands[0]).text}', _SIGN)
        return None


_LARGEST = 3.4e38
"""Largest plain number that can be combined with a float32 tensor."""


_LONGEST = 100_000
"""Largest length of the text of one operation."""


def _short(text: str) -> str:
    if len(text) > _LONGEST:
        raise ExpressionError(
            'This form would be too long, since each logarithm and root writes its operand twice: take the ideal one '
            '(--ideal), or another form.'
        )
    return text


def _wrap(part: _Text, least: int) -> str:
    return part.text if part.binding >= least else f'({part.text})'


def _square(base: _Text) -> _Text:
    simple = base.binding == _ATOM and base.text.replace('.', '').isalnum()
    return _Text(f'{base.text}**2' if simple else f'{_wrap(base, _ATOM)} ** 2', _POWER)


OPERATIONS: dict[str, Callable[..., _Text]] = {
    'add': lambda a, b: _Text(f'{_wrap(a, _SUM)} + {_wrap(b, _PRODUCT)}', _SUM),
    'sub': lambda a, b: _Text(f'{_wrap(a, _SUM)} - {_wrap(b, _PRODUCT)}', _SUM),
    'mul': lambda a, b: _Text(f'{_wrap(a, _PRODUCT)} * {_wrap(b, _SIGN)}', _PRODUCT),
    'neg': lambda a: _Text(f'-{_wrap(a, _SIGN)}', _SIGN),
    'square': _square,
    'same': lambda a: a,
}


def _constants(steps: Iterable[Step]) -> list[bool]:
    constant: list[bool] = []
    for node, operands in steps:
        constant.append(all(constant[operand] for operand in operands) if operands else is_number(node))
    return constant


def _names() -> Iterator[str]:
    yield from _LETTERS
    for number in count(1):
        for letter in _LETTERS:
            yield f'{letter}{number}'
