"""Import of the prefix notation of CSE-Autoloss (Liu et al., ICLR 2021).

Operators and leaves mean what they do in the authors' code (github.com/PerdonLiu/CSE-Autoloss,
``tools/search_space.py`` and ``tools/get_loss.py``). ``Serf`` and ``Sgdf`` are the error function
and the Gudermannian function, scaled to (0, 1) and to the slope of a sigmoid at 0. What differs:

- ``Log`` of a negative number is ours, ``sign(x) * log(abs(x) + eps)``, and not NaN; ``Sqrt`` likewise.
  At 0 exactly ours is 0, where theirs is the logarithm of their eps 1e-20.
- ``Exp`` overflows as ours does; theirs is cut off at 88.
- ``I``, ``U`` and ``E`` are areas in the units of the boxes there; ours are divided by the area of the
  target. Ratios are the same, but a constant beside an area is not: ``I + 2`` means two pixels
  there and twice the target here. The text is imported as it is written.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping

from mmautoloss.errors import ExpressionError
from mmautoloss.expr.parsing import MAX_CHARACTERS, parse, shown
from mmautoloss.expr.tree import MAX_NODES, Tree, format_number

_RELU = '0.5 * (a + abs(a))'
OPERATORS: dict[str, str] = {
    'Add': 'a + b',
    'Sub': 'a - b',
    'Mul': 'a * b',
    'Div': 'a / b',
    'Dot': 'a * b',  # the sum over the channels is that of the loss: see _refuse_inner_sums
    'Neg': '-a',
    'Abs': 'abs(a)',
    'Log': 'log(a)',
    'Exp': 'exp(a)',
    'Sqrt': 'sqrt(a)',
    'Tanh': 'tanh(a)',
    'Sin': 'sin(a)',
    'Cos': f'sin(a + {math.pi / 2})',
    'Relu': _RELU,
    'Softplus': f'{_RELU} + log(1 + exp(-abs(a)))',
    'Sig': '0.5 + 0.5 * tanh(0.5 * a)',
    'Salf': '0.5 + 0.5 * a / sqrt(4 + a ** 2)',
    'Serf': f'0.5 + 0.5 * erf({math.sqrt(math.pi) / 4} * a)',
    'Sgdf': f'0.5 + {2 / math.pi} * atan(tanh({math.pi / 8} * a))',
}
"""What an operator means, in our notation over its operands ``a`` and ``b``."""

LEAVES: dict[str, str] = {
    **{'Y': 'y', 'PY': 'y', 'NY': '1 - y', 'Z': 'q', 'Q': 'q'},
    **{'I': 'i', 'U': 'u', 'E': 'e'},
}
"""What a leaf means. ``q`` is the IoU of the box that belongs to a score. For softmax (``Z``) it is the same in all
classes and 1 where the target is background; for sigmoid (``Q``) it is 0 in all classes but the true one."""

LOGIT = 'log(p) - log(1 - p)'
"""The logit whose sigmoid is ``p``: what ``X`` alone means in a loss on sigmoids. Of bare tensors ``p``, which are rounded,
it is that in float32 only up to about 16."""

_ALLOWED = re.compile(r'[\w\s().,]+')
_ACTIVATIONS = ('Softmax', 'Sig')
_TREES = {name: parse(text) for name, text in OPERATORS.items()}


def parse_prefix(text: str, leaves: Mapping[str, str] | None = None) -> Tree:
    """Reads a loss in the notation of CSE-Autoloss; nothing is ever evaluated.

    ``Softmax(X)`` and ``Sig(X)`` are our ``p``: a loss with the first is one for inputs ``'softmax'``, with the second
    for ``'sigmoid'``. ``Dot`` is the sum over the channels of a product. A loss sums over the channels itself, so ``Dot``
    is read as the product; it may stand only where that is the same, at the root or below signs at the root.

    Args:
        text: A loss, such as ``Neg(Dot(Y,Log(Softmax(X))))``.
        leaves: Meaning, in our infix text, of further leaves or instead of ``LEAVES``. The logits ``X`` alone are
            refused unless they are here, since a graph sees ``p``; for sigmoids ``{'X': LOGIT}`` gives them back.

    Raises:
        ExpressionError: The text is no such loss, or has no meaning here.

    Example:
        >>> str(parse_prefix('Neg(Dot(Y,Log(Softmax(X))))'))
        '-(y * log(p))'
        >>> str(parse_prefix('Add(1,Neg(Div(I,U)))'))
        '1 - i / u'
    """
    try:
        body = _read_python(text)
        _refuse_inner_sums(text, body)
        _refuse_two_activations(text, body)
        meaning = {name: parse(leaf) for name, leaf in {**LEAVES, **(leaves or {})}.items()}
        return _Reader(text, meaning).read(body)
    except RecursionError:
        raise ExpressionError(f'Too deeply nested: the prefix expression {shown(text)}.') from None


def _fail(what: str, text: str) -> ExpressionError:
    return ExpressionError(f'{what} in the prefix expression {shown(text)}.')


def _read_python(text: str) -> ast.expr:
    if not isinstance(text, str) or not text.strip():
        raise ExpressionError(f'A prefix expression must be text such as "Add(1,Neg(Div(I,U)))", but got {text!r}.')
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f'A prefix expression may have {MAX_CHARACTERS} characters, but got {len(text)}.')
    if not _ALLOWED.fullmatch(text):
        raise _fail('Only names, numbers, brackets and commas are allowed', text)
    try:
        return ast.parse(' '.join(text.split()), mode='eval').body
    except (SyntaxError, ValueError, MemoryError) as error:
        raise ExpressionError(f'Cannot read the prefix expression {shown(text)}: {error}.') from None


def _operator(node: ast.AST) -> str | None:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None


def _refuse_inner_sums(text: str, body: ast.expr) -> None:
    """A sum over the channels can be left to the loss only at the root; below it, it would be another value."""
    while isinstance(body, ast.Call) and _operator(body) == 'Neg' and len(body.args) == 1:
        body = body.args[0]
    if any(_operator(node) == 'Dot' for node in ast.walk(body) if node is not body):
        raise _fail('"Dot", a sum over the channels, can only be read at the root or below "Neg" at the root', text)


def _refuse_two_activations(text: str, body: ast.expr) -> None:
    found = {_operator(node) for node in ast.walk(body) if _is_activation(node)}
    if len(found) > 1:
        raise _fail('Both Softmax(X) and Sig(X) stand, but a graph has one prediction p', text)


def _is_activation(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or _operator(node) not in _ACTIVATIONS:
        return False
    return [ast.unparse(argument) for argument in node.args] == ['X']


class _Reader:
    """Turns Python's syntax tree into ours; knows the text for its messages."""

    def __init__(self, text: str, leaves: Mapping[str, Tree]) -> None:
        self.text = text
        self.leaves = leaves

    def read(self, node: ast.expr) -> Tree:
        if isinstance(node, ast.Name):
            return self._leaf(node.id)
        number = node.value if isinstance(node, ast.Constant) else None
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            return Tree((format_number(number),))
        if isinstance(node, ast.Call):
            return self._call(node)
        raise _fail(f'{ast.unparse(node)!r} is not allowed: only operators, leaves and numbers are', self.text)

    def _leaf(self, name: str) -> Tree:
        if name in self.leaves:
            return self.leaves[name]
        if name == 'X':
            meaning = {'X': LOGIT}
            raise _fail(
                'The logits X stand alone, but a graph reads them only as Softmax(X) or Sig(X) '
                f'(in a loss on sigmoids, give their meaning: leaves={meaning}),',
                self.text,
            )
        raise _fail(f'Unknown leaf {name!r} (there are: {", ".join(self.leaves)})', self.text)

    def _call(self, node: ast.Call) -> Tree:
        if _is_activation(node):
            return Tree(('p',))
        name = _operator(node)
        if name == 'Softmax':
            raise _fail(f'"Softmax" can only be read of X alone, but stands as {ast.unparse(node)!r}', self.text)
        if name not in _TREES:
            raise _fail(f'Unknown operator {ast.unparse(node.func)!r} (there are: {", ".join(OPERATORS)})', self.text)
        template = _TREES[name]
        if node.keywords or len(node.args) != len(template.inputs):
            wanted = f'{name!r} takes {len(template.inputs)} operand(s)'
            raise _fail(f'{wanted}, but stands as {ast.unparse(node)!r}', self.text)
        return self._fill(template, dict(zip(template.inputs, map(self.read, node.args), strict=True)))

    def _fill(self, template: Tree, operands: Mapping[str, Tree]) -> Tree:
        """The template with its leaves ``a`` and ``b`` replaced."""
        parts = [operands[node].nodes if node in operands else (node,) for node in template.nodes]
        if sum(map(len, parts)) > MAX_NODES:
            raise _fail(f'More than {MAX_NODES} nodes', self.text)
        return Tree(node for part in parts for node in part)
