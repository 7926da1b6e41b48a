"""Expressions as infix text; ``parse`` and ``format_tree`` are exact inverses.

Python's own grammar is used to *read* the text (``ast.parse``); nothing is ever evaluated. Besides
the operators by name, ``a + b``, ``a - b``, ``a * b``, ``a / b``, ``1 / a``, ``-a`` and ``a ** 2``
are understood and written.
"""

from __future__ import annotations

import ast

from mmautoloss.errors import ExpressionError
from mmautoloss.expr.primitives import ALIASES, PRIMITIVES
from mmautoloss.expr.tree import Tree, apply, format_number

MAX_CHARACTERS = 10_000
"""Longest text that is read; a limit, so that no text can exhaust the parser."""

_ONE = Tree(('1',))


def parse(text: str, inputs: tuple[str, ...] | None = None) -> Tree:
    """Reads an expression.

    Args:
        text: Infix text, such as ``-mean_c(y * log(p))``.
        inputs: The names that may stand for tensors; any name where None.

    Raises:
        ExpressionError: The text is no expression, or uses an unknown operator or input.

    Example:
        >>> parse('-mean_c(y * log(p))')
        Tree(('neg', 'mean_c', 'mul', 'y', 'log', 'p'))
        >>> str(parse('(p - y) ** 2'))
        '(p - y) ** 2'
    """
    if not isinstance(text, str) or not text.strip():
        raise ExpressionError(f'An expression must be text such as "-mean_c(y * log(p))", but got {text!r}.')
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f'An expression may have {MAX_CHARACTERS} characters, but got {len(text)}.')
    if '#' in text:  # a comment would swallow the rest of the text
        raise ExpressionError(f'Comments are not allowed, but got "#" in the expression {text!r}.')
    try:
        body = ast.parse(' '.join(text.split()), mode='eval').body
        return _Reader(text, inputs).read(body)
    except ExpressionError:
        raise
    except (RecursionError, MemoryError):
        raise ExpressionError(f'Too deeply nested: the expression {text!r}.') from None
    except (SyntaxError, ValueError) as error:
        raise ExpressionError(f'Cannot read the expression {text!r}: {error}.') from None


class _Reader:
    """Turns Python's syntax tree into ours; knows the text for its messages."""

    def __init__(self, text: str, inputs: tuple[str, ...] | None) -> None:
        self.text = text
        self.inputs = inputs

    def fail(self, what: str) -> ExpressionError:
        return ExpressionError(f'{what} in the expression {self.text!r}.')

    def read(self, node: ast.expr) -> Tree:
        method = getattr(self, '_read_' + type(node).__name__.lower(), None)
        if method is None:
            raise self.fail(f'{ast.unparse(node)!r} is not allowed: only operators, inputs and numbers are')
        return method(node)

    def _read_name(self, node: ast.Name) -> Tree:
        if node.id in PRIMITIVES or node.id in ALIASES:
            raise self.fail(f'The operator {node.id!r} needs its operands in brackets')
        if self.inputs is not None and node.id not in self.inputs:
            raise self.fail(f'Unknown input {node.id!r} (there are: {", ".join(self.inputs)})')
        return Tree((node.id,))

    def _read_constant(self, node: ast.Constant) -> Tree:
        if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
            raise self.fail(f'{node.value!r} is no number')
        try:
            return Tree((format_number(node.value),))
        except ExpressionError as error:
            raise self.fail(str(error).rstrip('.')) from None

    def _read_unaryop(self, node: ast.UnaryOp) -> Tree:
        if isinstance(node.op, ast.UAdd):
            return self.read(node.operand)
        if not isinstance(node.op, ast.USub):
            raise self.fail(f'Unknown sign in {ast.unparse(node)!r}')
        return apply('neg', self.read(node.operand))

    def _read_binop(self, node: ast.BinOp) -> Tree:
        if isinstance(node.op, ast.Pow):
            return self._power(self.read(node.left), node.right)
        left, right = self.read(node.left), self.read(node.right)
        if isinstance(node.op, ast.Add):
            return apply('add', left, right)
        if isinstance(node.op, ast.Sub):
            return apply('add', left, apply('neg', right))
        if isinstance(node.op, ast.Mult):
            return apply('mul', left, right)
        if isinstance(node.op, ast.Div):
            return apply('inv', right) if left == _ONE else apply('mul', left, apply('inv', right))
        raise self.fail(f'Unknown operator in {ast.unparse(node)!r} (known: + - * / **)')

    def _power(self, base: Tree, exponent: ast.expr) -> Tree:
        value = exponent.value if isinstance(exponent, ast.Constant) else None
        if value == 2:
            return apply('square', base)
        if value == 3:
            return apply('mul', apply('square', base), base)
        if value == 4:
            return apply('square', apply('square', base))
        if value == 0.5:
            return apply('sqrt', base)
        raise self.fail(f'The exponent {ast.unparse(exponent)!r} must be 2, 3, 4 or 0.5')

    def _read_call(self, node: ast.Call) -> Tree:
        name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        primitive = PRIMITIVES.get(ALIASES.get(name, name))
        if primitive is None:
            known = ', '.join(PRIMITIVES)
            raise self.fail(f'Unknown operator {name!r} (there are: {known}, and those of imported modules)')
        if node.keywords or len(node.args) != primitive.arity:
            raise self.fail(f'{name!r} takes {primitive.arity} operand(s), but got {ast.unparse(node)!r}')
        return apply(primitive.name, *(self.read(argument) for argument in node.args))


# How tightly an operator binds, loosest first; everything else is a leaf or a call.
_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)


def format_tree(tree: Tree) -> str:
    """Writes an expression so that ``parse`` gives back the same tree.

    Example:
        >>> format_tree(Tree(('mul', 'p', 'inv', 'add', 'y', 'neg', '1')))
        'p / (y - 1)'
    """
    return _format(tree)[0]


def _format(tree: Tree) -> tuple[str, int]:
    operands = tree.operands()
    if tree.root == 'add':
        return _format_sum(*operands), _SUM
    if tree.root == 'mul':
        return _format_product(*operands), _PRODUCT
    if tree.root == 'inv':
        return f'1 / {_wrap(operands[0], _SIGN)}', _PRODUCT
    if tree.root == 'neg':
        return f'-{_wrap(operands[0], _SIGN)}', _SIGN
    if tree.root == 'square':
        return f'{_wrap(operands[0], _ATOM)} ** 2', _POWER
    if operands:
        return f'{tree.root}({", ".join(map(format_tree, operands))})', _ATOM
    return tree.root, _ATOM


def _format_sum(left: Tree, right: Tree) -> str:
    if right.root == 'neg':
        return f'{_wrap(left, _SUM)} - {_wrap(right.operands()[0], _PRODUCT)}'
    return f'{_wrap(left, _SUM)} + {_wrap(right, _PRODUCT)}'


def _format_product(left: Tree, right: Tree) -> str:
    # ``1 / x`` is read as the inverse, so a product with the constant 1 keeps its factor in view
    if right.root == 'inv' and left != _ONE:
        return f'{_wrap(left, _PRODUCT)} / {_wrap(right.operands()[0], _SIGN)}'
    return f'{_wrap(left, _PRODUCT)} * {_wrap(right, _SIGN)}'


def _wrap(tree: Tree, least: int) -> str:
    text, binding = _format(tree)
    return text if binding >= least else f'({text})'
