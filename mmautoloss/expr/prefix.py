"""Import of the prefix notation of CSE-Autoloss (Liu et al., ICLR 2021).

Operators and leaves have the meaning of the authors' code (github.com/PerdonLiu/CSE-Autoloss,
``tools/search_space.py`` and ``tools/get_loss.py``). ``Serf`` and ``Sgdf`` are the error function
and the Gudermannian function, scaled to (0, 1) and to the slope of a sigmoid at 0. Differences:

- ``Log`` of a negative number is ``sign(x) * log(abs(x) + eps)`` here, and NaN there; ``Sqrt`` likewise.
  At 0 it is 0 here, and the logarithm of their eps 1e-20 there.
- ``Exp`` overflows here; there its operand is clamped at 88.
- ``I``, ``U`` and ``E`` are areas in the units of the boxes there; here they are divided by the area of the
  target. Ratios are the same, but constants added to an area are not: ``I + 2`` adds two pixels
  there and twice the target here. The text is imported unchanged.
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
    'Dot': 'a * b',  # the loss itself sums over the channels: see _refuse_inner_sums
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
"""Meaning of each operator, as infix text with the operands ``a`` and ``b``."""

LEAVES: dict[str, str] = {
    **{'Y': 'y', 'PY': 'y', 'NY': '1 - y', 'Z': 'q', 'Q': 'q'},
    **{'I': 'i', 'U': 'u', 'E': 'e'},
}
"""Meaning of each leaf. ``q`` is the IoU of the box that belongs to a score. For softmax (``Z``) it is the same in all
classes and 1 where the target is background; for sigmoid (``Q``) it is 0 in all classes but the true one."""

LOGIT = 'log(p) - log(1 - p)'
"""The logit whose sigmoid is ``p``: the meaning of ``X`` alone in a loss on sigmoids. Computed from rounded tensors ``p``,
it is accurate in float32 only up to about 16."""

_ALLOWED = re.compile(r'[\w\s().,]+')
_ACTIVATIONS = ('Softmax', 'Sig')
_TREES = {name: parse(text) for name, text in OPERATORS.items()}


def parse_prefix(text: str, leaves: Mapping[str, str] | None = None) -> Tree:
    """Parses a loss in the notation of CSE-Autoloss; the text is never evaluated.

    ``Softmax(X)`` and ``Sig(X)`` become ``p``: a loss with the first is for inputs ``'softmax'``, with the second for
    ``'sigmoid'``. ``Dot`` is the sum over the channels of a product. A loss sums over the channels itself, so ``Dot`` is
    read as the product; it is allowed only where that is equal, at the root or below signs at the root.

    Args:
        text: A loss, such as ``Neg(Dot(Y,Log(Softmax(X))))``.
        leaves: Meaning of leaves as infix text, in addition to ``LEAVES`` or overriding them. The logits ``X`` alone are
            refused without an entry here, since a graph reads ``p``; for sigmoids, use ``{'X': LOGIT}``.

    Raises:
        ExpressionError: The text is not such a loss, or has no meaning here.

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


def _error(problem: str, text: str) -> ExpressionError:
    return ExpressionError(f'{problem} in the prefix expression {shown(text)}.')


def _read_python(text: str) -> ast.expr:
    if not isinstance(text, str) or not text.strip():
        raise ExpressionError(f'A prefix expression must be text such as "Add(1,Neg(Div(I,U)))", but got {text!r}.')
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f'A prefix expression may have {MAX_CHARACTERS} characters, but got {len(text)}.')
    if not _ALLOWED.fullmatch(text):
        raise _error('Only names, numbers, brackets and commas are allowed', text)
    try:
        return ast.parse(' '.join(text.split()), mode='eval').body
    except (SyntaxError, ValueError, MemoryError) as error:
        raise ExpressionError(f'Cannot read the prefix expression {shown(text)}: {error}.') from None


def _operator(node: ast.AST) -> str | None:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None


def _refuse_inner_sums(text: str, body: ast.expr) -> None:
    """Refuses sums over the channels below the root, which the sum of the loss itself cannot replace."""
    while isinstance(body, ast.Call) and _operator(body) == 'Neg' and len(body.args) == 1:
        body = body.args[0]
    if any(_operator(node) == 'Dot' for node in ast.walk(body) if node is not body):
        raise _error('"Dot", a sum over the channels, can only be read at the root or below "Neg" at the root', text)


def _refuse_two_activations(text: str, body: ast.expr) -> None:
    activations = {_operator(node) for node in ast.walk(body) if _is_activation(node)}
    if len(activations) > 1:
        raise _error('Both Softmax(X) and Sig(X) stand, but a graph has one prediction p', text)


def _is_activation(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or _operator(node) not in _ACTIVATIONS:
        return False
    return [ast.unparse(argument) for argument in node.args] == ['X']


class _Reader:
    """Converts Python's syntax tree to a ``Tree``; holds the text for error messages."""

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
        raise _error(f'{ast.unparse(node)!r} is not allowed: only operators, leaves and numbers are', self.text)

    def _leaf(self, name: str) -> Tree:
        if name in self.leaves:
            return self.leaves[name]
        if name == 'X':
            meaning = {'X': LOGIT}
            raise _error(
                'The logits X stand alone, but a graph reads them only as Softmax(X) or Sig(X) '
                f'(in a loss on sigmoids, give their meaning: leaves={meaning}),',
                self.text,
            )
        raise _error(f'Unknown leaf {name!r} (there are: {", ".join(self.leaves)})', self.text)

    def _call(self, node: ast.Call) -> Tree:
        if _is_activation(node):
            return Tree(('p',))
        name = _operator(node)
        if name == 'Softmax':
            raise _error(f'"Softmax" can only be read of X alone, but stands as {ast.unparse(node)!r}', self.text)
        if name not in _TREES:
            raise _error(f'Unknown operator {ast.unparse(node.func)!r} (there are: {", ".join(OPERATORS)})', self.text)
        template = _TREES[name]
        if node.keywords or len(node.args) != len(template.inputs):
            arity = f'{name!r} takes {len(template.inputs)} operand(s)'
            raise _error(f'{arity}, but stands as {ast.unparse(node)!r}', self.text)
        return self._fill(template, dict(zip(template.inputs, map(self.read, node.args), strict=True)))

    def _fill(self, template: Tree, operands: Mapping[str, Tree]) -> Tree:
        """The template with its leaves ``a`` and ``b`` replaced."""
        parts = [operands[node].nodes if node in operands else (node,) for node in template.nodes]
        if sum(map(len, parts)) > MAX_NODES:
            raise _error(f'More than {MAX_NODES} nodes', self.text)
        return Tree(node for part in parts for node in part)
