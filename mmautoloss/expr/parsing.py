"""Parses expressions from infix text; ``str(tree)`` is the exact inverse of ``parse``.

The text is parsed with Python's grammar (``ast.parse``) and never evaluated. Besides operators by name, ``a + b``,
``a - b``, ``a * b``, ``a / b``, ``1 / a``, ``-a`` and ``a ** 2`` are read and written. Other powers with a numeric exponent,
``a ^ 2``, ``ln(a)``, ``sub(a, b)``, ``div(a, b)``, ``pow(a, 2)`` and typographic signs, such as ``a × b``, are only read.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

from mmautoloss.errors import ExpressionError
from mmautoloss.expr.powers import Range, power
from mmautoloss.expr.primitives import ALIASES, PRIMITIVES
from mmautoloss.expr.tree import Tree, arity, format_number, join, require_fitting

MAX_CHARACTERS = 10_000
"""Longest text that is read, so that no text can exhaust the parser."""

_ONE = Tree(('1',))
_SHOWN = 500
_SPELLINGS = {'add': ast.Add, 'sub': ast.Sub, 'mul': ast.Mult, 'div': ast.Div, 'pow': ast.Pow}
"""Arithmetic signs written as calls, as in prefix notation."""
_LEAVES = (ast.Name, ast.Constant)
_Operation = ast.Call | ast.BinOp | ast.UnaryOp
_PRINTED = str.maketrans(
    {'^': '**', '−': '-', '–': '-', '×': '*', '·': '*', '⋅': '*', '÷': '/', '²': '**2', '³': '**3'}
)
"""Python's spelling of signs that users type or copy from a paper."""
_HINTS = {
    'mean': 'mean_nhw(x) is the mean over all positions of a channel, mean_c(x) that over the channels',
    'dot': 'the product of a and b is a * b; a loss is summed over positions and channels by itself',
    'sum': 'a loss is summed over positions and channels by itself',
    'sigmoid': 'p is a probability already, for inputs "sigmoid" and "softmax"',
    'softmax': 'p is a probability already, for inputs "sigmoid" and "softmax"',
    'log1p': 'log1p(x) is log(1 + x)',
    'log2': 'log2(x) is 1.4426950408889634 * log(x)',
    'max': 'the larger of a and b is 0.5 * (a + b + abs(a - b)), that of a window maxpool(a)',
    'min': 'the smaller of a and b is 0.5 * (a + b - abs(a - b)), that of a window minpool(a)',
    'relu': 'relu(x) is 0.5 * (x + abs(x))',
    'cos': 'cos(x) is sin(x + 1.5707963267948966)',
}
"""Hints for words that are not operators here."""
_POWER_OF_E = '; e to the power of x is exp(x)'


def parse(text: str, inputs: tuple[str, ...] | None = None, ranges: Mapping[str, Range] | None = None) -> Tree:
    """Parses an expression.

    Args:
        text: Infix text, such as ``-mean_c(y * log(p))``.
        inputs: Names of the allowed inputs; None allows any name.
        ranges: Least and largest value of inputs, by name, as far as they are known (``InputKind.ranges``): a power such
            as ``p ** 1.5`` is read only if its base is never negative.

    Raises:
        ExpressionError: The text is not an expression, is too large, or uses an unknown operator or input.

    Example:
        >>> parse('-mean_c(y * log(p))')
        Tree(('neg', 'mean_c', 'mul', 'y', 'log', 'p'))
        >>> str(parse('(p - y) ** 2')), str(parse('sub(p, y) ^ 2 * ln(p)'))
        ('(p - y) ** 2', '(p - y) ** 2 * log(p)')
    """
    if not isinstance(text, str) or not text.strip():
        raise ExpressionError(f'An expression must be text such as "-mean_c(y * log(p))", but got {text!r}.')
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f'An expression may have {MAX_CHARACTERS} characters, but got {len(text)}.')
    if '#' in text:  # a comment would swallow the rest of the text
        raise ExpressionError(f'Comments are not allowed, but got "#" in the expression {shown(text)}.')
    try:
        body = ast.parse(' '.join(text.translate(_PRINTED).split()), mode='eval').body
        tree = _Reader(text, inputs, ranges).read(body)
    except ExpressionError:
        raise
    except (RecursionError, MemoryError):
        raise ExpressionError(f'Too deeply nested: the expression {shown(text)}.') from None
    except (SyntaxError, ValueError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise ExpressionError(f'Cannot read the expression {shown(text)}: {reason}.') from None
    require_fitting(tree)
    return tree


def shown(text: str) -> str:
    """A text for an error message; a long one is truncated."""
    return repr(text if len(text) <= _SHOWN else f'{text[:_SHOWN]}...')


class _Reader:
    """Converts Python's syntax tree to a ``Tree``; holds the text for error messages."""

    def __init__(self, text: str, inputs: tuple[str, ...] | None, ranges: Mapping[str, Range] | None) -> None:
        self.text = text
        self.inputs = inputs
        self.ranges = ranges

    def fail(self, problem: str) -> ExpressionError:
        return ExpressionError(f'{problem} in the expression {shown(self.text)}.')

    def read(self, body: ast.expr) -> Tree:
        """Converts without recursion: collects operators from the root down, then builds trees from the leaves up."""
        order: list[tuple[_Operation, list[ast.expr]]] = []
        done: dict[ast.expr, Tree] = {}
        waiting = [body]
        while waiting:
            node = waiting.pop()
            if isinstance(node, _LEAVES):
                done[node] = self._leaf(node)
                continue
            if not isinstance(node, _Operation):
                raise self.fail(f'{_source(node)!r} is not allowed: only operators, inputs and numbers are')
            operands = self._operands(node)
            order.append((node, operands))
            waiting.extend(reversed(operands))
        for node, operands in reversed(order):
            done[node] = self._joined(node, [done[operand] for operand in operands])
        return done[body]

    def _leaf(self, node: ast.Name | ast.Constant) -> Tree:
        return self._input(node.id) if isinstance(node, ast.Name) else self._number(node.value)

    def _input(self, name: str) -> Tree:
        if name in PRIMITIVES or name in ALIASES:
            raise self.fail(f'The operator {name!r} needs its operands in brackets')
        if self.inputs is not None and name not in self.inputs:
            hint = f'; write {name.lower()}' if name.lower() in self.inputs else _POWER_OF_E if name == 'e' else ''
            raise self.fail(f'Unknown input {name!r} (there are: {", ".join(self.inputs)}{hint})')
        return Tree((name,))

    def _number(self, value: object) -> Tree:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.fail(f'{value!r} is no number')
        try:
            return Tree((format_number(value),))
        except ExpressionError as error:
            raise self.fail(str(error).rstrip('.')) from None

    def _operands(self, node: _Operation) -> list[ast.expr]:
        """The operands of a node; raises an error if the operator is not allowed."""
        if isinstance(node, ast.Call):
            return self._arguments(node)
        if isinstance(node, ast.BinOp):
            if not isinstance(node.op, tuple(_SPELLINGS.values())):
                raise self.fail(f'Unknown operator in {_source(node)!r} (known: + - * / **)')
            return [node.left] if isinstance(node.op, ast.Pow) else [node.left, node.right]
        if not isinstance(node.op, (ast.UAdd, ast.USub)):
            raise self.fail(f'Unknown sign in {_source(node)!r}')
        return [node.operand]

    def _arguments(self, node: ast.Call) -> list[ast.expr]:
        name = _called(node)
        if name not in PRIMITIVES and name not in _SPELLINGS:
            known = f'there are: {", ".join(PRIMITIVES)}, and those of imported modules'
            raise self.fail(f'Unknown operator {name!r} ({known}{_hint(name)})')
        count = arity(name) or 2
        if node.keywords or len(node.args) != count:
            raise self.fail(f'{name!r} takes {count} operand(s), but got {_source(node)!r}')
        return node.args[:1] if _sign(node) is ast.Pow else node.args

    def _joined(self, node: _Operation, operands: list[Tree]) -> Tree:
        if isinstance(node, ast.UnaryOp):
            return operands[0] if isinstance(node.op, ast.UAdd) else join('neg', *operands)
        if isinstance(node, ast.BinOp):
            return self._signed(type(node.op), operands, node.right)
        sign = _sign(node)
        return self._signed(sign, operands, node.args[-1]) if sign else join(_called(node), *operands)

    def _signed(self, sign: type, operands: list[Tree], right: ast.expr) -> Tree:
        return self._power(operands[0], right) if sign is ast.Pow else _SIGNS[sign](*operands)

    def _power(self, base: Tree, exponent: ast.expr) -> Tree:
        value = _value(exponent)
        if value is None:
            raise self.fail(
                f'The exponent {_source(exponent)!r} must be a number (write exp({_source(exponent)} * log(x)) where x is '
                'positive)'
            )
        try:
            return power(base, value, self.ranges)
        except ExpressionError as error:
            raise ExpressionError(f'{error} It stands in the expression {shown(self.text)}.') from None


_SIGNS: dict[type, Callable[[Tree, Tree], Tree]] = {
    ast.Add: lambda left, right: join('add', left, right),
    ast.Sub: lambda left, right: join('add', left, join('neg', right)),
    ast.Mult: lambda left, right: join('mul', left, right),
    ast.Div: lambda left, right: join('inv', right) if left == _ONE else join('mul', left, join('inv', right)),
}
_OF_NUMBERS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def _called(node: ast.Call) -> str:
    name = node.func.id if isinstance(node.func, ast.Name) else _source(node.func)
    return ALIASES.get(name, name)


def _sign(node: ast.Call) -> type | None:
    """The sign for which a call stands; None for an operator, which takes precedence."""
    name = _called(node)
    return None if name in PRIMITIVES else _SPELLINGS[name]


def _value(node: ast.expr) -> float | None:
    """The value of a number or of arithmetic on numbers; None for anything else."""
    if isinstance(node, ast.Constant):
        return (
            None if isinstance(node.value, bool) or not isinstance(node.value, (int, float)) else _as_float(node.value)
        )
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
        value = _value(node.operand)
        return -value if value is not None and isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _OF_NUMBERS:
        left, right = _value(node.left), _value(node.right)
        if left is None or right is None or (right == 0 and isinstance(node.op, ast.Div)):
            return None
        return _OF_NUMBERS[type(node.op)](left, right)
    return None


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # an int beyond the range of floats
        return math.inf


def _source(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= _SHOWN else f'{text[:_SHOWN]}...'


def _hint(name: str) -> str:
    """A hint at what to write instead of an unknown word, if there is one."""
    word = name.rpartition('.')[2].lower()
    word = ALIASES.get(word, word)
    prefix = '; mmautoloss.expr.parse_prefix reads the notation of CSE-Autoloss' if name[:1].isupper() else ''
    if word in _HINTS:
        return f'; {_HINTS[word]}{prefix}'
    return f'; write {word}{prefix}' if word in PRIMITIVES or word in _SPELLINGS else prefix
