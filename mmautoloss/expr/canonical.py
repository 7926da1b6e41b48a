"""One form for expressions that are the same loss by algebra.

``simplify`` keeps the value (up to rounding), ``canonical`` only keeps the *gradient with respect
to the prediction*: terms without it vanish and means at the root are dropped, since ``1/(N*H*W) *
sum`` of a mean is that of its operand. The canonical form is a key for finding duplicates; what is
trained is always the expression itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from functools import lru_cache
from itertools import pairwise

from mmautoloss.expr.primitives import EPS
from mmautoloss.expr.tree import Tree, arity, format_number, is_number
from mmautoloss.expr.tree import join as apply  # a form may have a few signs more than what it is of

_ODD = frozenset({'log', 'sqrt', 'tanh', 'sin', 'erf', 'atan', 'mean_nhw', 'mean_c'})
_EVEN = frozenset({'abs', 'square'})
_NOT_NEGATIVE = frozenset({'abs', 'square', 'exp'})
_MEANS = frozenset({'mean_nhw', 'mean_c'})
_POOLS = {'maxpool': 'minpool', 'minpool': 'maxpool'}


def _guarded(x: float) -> float:
    """``x + EPS`` as float32 has it, the precision of training: from here on EPS is rounded away.

    So ``log(1)`` is 0 and ``1 / 1`` is 1, as they are for the candidate that is trained.
    """
    return x if abs(x) >= 2**-15 else x + EPS


_ON_CONSTANTS: dict[str, Callable[[float], float]] = {
    'abs': abs,
    'inv': lambda x: 1 / _guarded(x),
    'log': lambda x: math.copysign(1, x) * math.log(_guarded(abs(x))) if x else 0.0,
    'exp': math.exp,
    'tanh': math.tanh,
    'sin': math.sin,
    'erf': math.erf,
    'atan': math.atan,
    'square': lambda x: x * x,
    'sqrt': lambda x: math.copysign(1, x) * math.sqrt(_guarded(abs(x))) if x else 0.0,
    'mean_nhw': float,
    'mean_c': float,
    'maxpool': float,
    'minpool': float,
}


def canonical(tree: Tree, prediction: Collection[str]) -> Tree | None:
    """The form that all expressions with the same gradient, as far as algebra shows it, share.

    Args:
        tree: The expression.
        prediction: Names of the inputs that depend on the prediction.

    Returns:
        The form, or None where the expression has no gradient with respect to the prediction.

    Example:
        >>> from mmautoloss.expr.text import parse
        >>> str(canonical(parse('1 + mean_c(-log(p) * y)'), {'p'}))
        '-(log(p) * y)'
    """
    terms = _root_terms(simplify(tree))
    terms = [term for term in terms if not set(prediction).isdisjoint(term.inputs)]
    return _combine('add', terms) if terms else None


def without_pools(tree: Tree) -> Tree:
    """An expression of the same value over rows, where a window holds one cell.

    Example:
        >>> from mmautoloss.expr.text import parse
        >>> str(without_pools(parse('maxpool(p) * minpool(y)')))
        'p * y'
    """
    return tree if _POOLS.keys().isdisjoint(tree.nodes) else Tree(node for node in tree.nodes if node not in _POOLS)


def simplify(tree: Tree) -> Tree:
    """An expression of the same value: signs outside, constants folded, operands sorted.

    Example:
        >>> from mmautoloss.expr.text import parse
        >>> str(simplify(parse('abs(-(y - p)) * 1')))
        'abs(p - y)'
    """
    done: list[Tree] = []
    for node in reversed(tree.nodes):
        operands = [done.pop() for _ in range(arity(node))]
        done.append(_simplest(node, operands) if operands else _leaf(node))
    return done[0]


@lru_cache(maxsize=1000)
def _leaf(node: str) -> Tree:
    return Tree((node,))


def _simplest(operator: str, operands: list[Tree]) -> Tree:
    """An operator over operands that are as simple as can be."""
    if operator == 'neg':
        return _negate(operands[0])
    if operator in ('add', 'mul'):
        return _combine(operator, [part for operand in operands for part in _parts(operator, operand)])
    return _unary(operator, operands[0]) if operator in _ON_CONSTANTS else apply(operator, *operands)


def _root_terms(tree: Tree) -> list[Tree]:
    """The summands at the root, without means around them."""
    if tree.root == 'add':
        return [term for operand in tree.operands() for term in _root_terms(operand)]
    if tree.root == 'neg':
        return [_negate(term) for term in _root_terms(tree.operands()[0])]
    if tree.root in _MEANS:
        return _root_terms(tree.operands()[0])
    return [tree]


def _negate(tree: Tree) -> Tree:
    if tree.root == 'neg':
        return tree.operands()[0]
    return tree if tree.nodes == ('0',) else apply('neg', tree)


def _parts(operator: str, tree: Tree) -> list[Tree]:
    """The operands of a chain of one operator; a sign in front of a chain goes into it."""
    if tree.root == operator:
        return [part for operand in tree.operands() for part in _parts(operator, operand)]
    if operator == 'add' and tree.root == 'neg' and tree.operands()[0].root == 'add':
        return [_negate(part) for part in _parts('add', tree.operands()[0])]
    if operator == 'mul' and tree.root == 'neg' and tree.operands()[0].root == 'mul':
        first, *rest = _parts('mul', tree.operands()[0])
        return [_negate(first), *rest]
    return [tree]


def _combine(operator: str, parts: list[Tree]) -> Tree:
    try:
        return _sum(parts) if operator == 'add' else _product(parts)
    except OverflowError:  # constants beyond float range stay as they stand
        return _chain(operator, sorted(parts, key=lambda part: part.nodes))


def _sum(parts: list[Tree]) -> Tree:
    constant = sum(_number(part) for part in parts if _is_constant(part))
    terms = [part for part in parts if not _is_constant(part)]
    if constant or not terms:
        terms.append(_constant(constant))
    # the sign goes outside where the first term is negative, so that a - b and -(b - a) agree
    terms.sort(key=lambda term: (_unsigned(term).nodes, term.root == 'neg'))
    negative = terms[0].root == 'neg'
    total = _chain('add', [_negate(term) if negative else term for term in terms])
    return _negate(total) if negative else total


def _product(parts: list[Tree]) -> Tree:
    constant = math.prod(_number(part) for part in parts if _is_constant(part))
    others = [part for part in parts if not _is_constant(part)]
    negative = (constant < 0) ^ (sum(part.root == 'neg' for part in others) % 2 == 1)
    factors = [_unsigned(part) for part in others]
    if constant == 0:
        return Tree(('0',))
    if abs(constant) != 1 or not factors:
        factors.append(_constant(abs(constant)))
    product = _chain('mul', _pair_up(factors))
    return _negate(product) if negative else product


def _pair_up(factors: list[Tree]) -> list[Tree]:
    """Sorted factors, in which two equal ones are a square."""
    factors = sorted(factors, key=lambda factor: factor.nodes)
    for left, right in pairwise(factors):
        if left == right:
            rest = [factor for factor in factors if factor != left]
            rest += [left] * (factors.count(left) - 2)
            return _pair_up([*rest, _unary('square', left)])
    return factors


def _unary(operator: str, operand: Tree) -> Tree:
    if _is_constant(operand):
        return _fold(operator, operand)
    sign, inner = operand.root == 'neg', _unsigned(operand)
    if operator in _EVEN:
        if operator == 'abs' and inner.root in _NOT_NEGATIVE:
            return inner
        return apply(operator, inner.operands()[0] if inner.root == 'abs' else inner)
    if operator in _POOLS:
        if inner.root == 'mean_nhw':  # the same in every cell
            return operand
        return _negate(apply(_POOLS[operator], inner)) if sign else apply(operator, inner)
    if operator in _MEANS:
        return _negate(_mean(operator, inner)) if sign else _mean(operator, inner)
    if operator in _ODD:
        return _negate(apply(operator, inner)) if sign else apply(operator, inner)
    return apply(operator, operand)


def _mean(operator: str, operand: Tree) -> Tree:
    """Means commute and repeat without effect; ``mean_nhw`` is written outside."""
    outer = {operator}
    while operand.root in _MEANS:
        outer.add(operand.root)
        operand = operand.operands()[0]
    for name in sorted(outer):  # mean_c first, so inside
        operand = apply(name, operand)
    return operand


def _fold(operator: str, operand: Tree) -> Tree:
    try:
        return _constant(_ON_CONSTANTS[operator](_number(operand)))
    except (OverflowError, ZeroDivisionError):  # stays: its value is Inf, and training will tell
        return apply(operator, operand)


def _unsigned(tree: Tree) -> Tree:
    return tree.operands()[0] if tree.root == 'neg' else tree


def _is_constant(tree: Tree) -> bool:
    return is_number(tree.nodes[tree.root == 'neg'])


def _number(tree: Tree) -> float:
    return -float(tree.operands()[0].root) if tree.root == 'neg' else float(tree.root)


def _constant(value: float) -> Tree:
    if not math.isfinite(value):
        raise OverflowError(value)
    number = Tree((format_number(float(f'{abs(value):.12g}')),))
    return apply('neg', number) if value < 0 else number


def _chain(operator: str, parts: list[Tree]) -> Tree:
    tree = parts[0]
    for part in parts[1:]:
        tree = apply(operator, tree, part)
    return tree
