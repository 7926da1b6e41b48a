"""Canonical form of expressions, by which algebraically equal losses are recognised.

``simplify`` keeps the value (up to rounding); ``canonical`` only keeps the *gradient with respect to the prediction*, for
all masks and weights. So means stay where they are: if different positions are valid in each channel, the mean over channels
of the mean over positions depends on their order, and a mean at the root removes the weights of single elements. A term may
only be dropped if it can be neither Inf nor NaN, which would end a training; where that is not proved, ``0 * term`` is left.

The canonical form is a key for finding duplicates; training always uses the expression itself.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from mmautoloss.expr.chains import Chain, is_times_zero, negate, squared, sum_of, terms_of, times_zero, unsigned
from mmautoloss.expr.constants import ON_CONSTANTS, fold, is_constant
from mmautoloss.expr.elapsed import ELAPSED, is_uniform
from mmautoloss.expr.operators import LOOKING_AROUND, OPERATORS
from mmautoloss.expr.overflow import ANY, OF_DATA, cannot_overflow
from mmautoloss.expr.tree import Tree, arity
from mmautoloss.expr.tree import join as apply  # a form may have a few more signs than its expression

_MEANS = frozenset({'mean_nhw', 'mean_c'})
_ODD = frozenset(name for name, operator in OPERATORS.items() if operator.odd)
_NOT_NEGATIVE = frozenset(name for name, operator in OPERATORS.items() if operator.not_negative)
_POOLS = {'maxpool': 'minpool', 'minpool': 'maxpool'}


def canonical(tree: Tree, prediction: Collection[str]) -> Tree | None:
    """The form shared by all expressions whose gradients are algebraically equal, as far as simplification shows.

    Args:
        tree: The expression.
        prediction: Names of the inputs that depend on the prediction.

    Returns:
        The form, or None if the expression has no gradient with respect to the prediction.

    Example:
        >>> from mmautoloss.expr.parsing import parse
        >>> str(canonical(parse('1 + mean_c(-log(p) * y)'), {'p'}))
        '-mean_c(log(p) * y)'
        >>> str(canonical(parse('p * y + exp(exp(y))'), {'p'}))
        '0 * exp(exp(y)) + p * y'
    """
    simple, prediction = simplify(tree), frozenset(prediction)
    terms = terms_of(simple)
    live = [term for term in terms if _is_live(term, prediction)]
    if not live:
        return None
    if len(live) == len(terms):
        return simple
    zeros = [times_zero(term) for term in terms if not _is_live(term, prediction)]
    return sum_of([*live, *dict.fromkeys(zero for zero in zeros if not _is_safe(zero, prediction))])


def inputs_of_gradient(form: Tree, prediction: Collection[str]) -> frozenset[str]:
    """The inputs on which the gradient of a canonical form depends: those of its terms with a gradient."""
    if '0' not in form.nodes:  # all terms have a gradient
        return frozenset(form.inputs)
    live = [term for term in terms_of(form) if _is_live(term, frozenset(prediction))]
    return frozenset(name for term in live for name in term.inputs)


def without_pools(tree: Tree) -> Tree:
    """An expression of the same value on rows, where the window of a pool has one element.

    Example:
        >>> from mmautoloss.expr.parsing import parse
        >>> str(without_pools(parse('maxpool(p) * minpool(y)')))
        'p * y'
    """
    return tree if _POOLS.keys().isdisjoint(tree.nodes) else Tree(node for node in tree.nodes if node not in _POOLS)


def simplify(tree: Tree) -> Tree:
    """An expression of the same value, with signs moved outwards, constants folded and operands sorted.

    Example:
        >>> from mmautoloss.expr.parsing import parse
        >>> str(simplify(parse('abs(-(y - p)) * 1')))
        'abs(p - y)'
    """
    done: list[Tree | Chain] = []
    for node in reversed(tree.nodes):
        operands = [done.pop() for _ in range(arity(node))]
        done.append(_simplest(node, operands) if operands else _leaf(node))
    return _as_tree(done[0])


@lru_cache(maxsize=1000)
def _leaf(node: str) -> Tree:
    return Tree((node,))


def _simplest(operator: str, operands: list[Tree | Chain]) -> Tree | Chain:
    """Simplifies an operator over simplified operands; sums and products stay chains, which may still grow."""
    if operator in ('add', 'mul'):
        left, right = (_as_chain(operator, operand) for operand in operands)
        return left.join(right)
    if operator == 'neg':
        return _negated(operands[0])
    trees = [_as_tree(operand) for operand in operands]
    return _unary(operator, trees[0]) if operator in ON_CONSTANTS else apply(operator, *trees)


def _as_chain(operator: str, operand: Tree | Chain) -> Chain:
    if isinstance(operand, Chain) and operand.operator == operator:
        return operand
    return Chain(operator, _as_tree(operand))


def _as_tree(operand: Tree | Chain) -> Tree:
    return operand.tree() if isinstance(operand, Chain) else operand


def _negated(operand: Tree | Chain) -> Tree | Chain:
    if isinstance(operand, Tree):
        return negate(operand)
    operand.negative = not operand.negative
    return operand


def _unary(operator: str, operand: Tree) -> Tree:
    if is_constant(operand):
        return fold(operator, operand)
    if operator in LOOKING_AROUND and ELAPSED in operand.nodes and is_uniform(operand):
        return operand
    sign, inner = operand.root == 'neg', unsigned(operand)
    if operator == 'square':
        return squared(inner)
    if operator == 'abs':
        return inner if inner.root in _NOT_NEGATIVE else apply('abs', inner)
    if operator in _POOLS and inner.root == 'mean_nhw':  # constant over positions
        return operand
    if operator in _MEANS and inner.root == operator:  # a mean of a mean over the same axes
        return operand
    if sign and operator in _POOLS:
        return negate(apply(_POOLS[operator], inner))
    return negate(apply(operator, inner)) if sign and operator in _ODD else apply(operator, operand)


def _is_live(term: Tree, prediction: frozenset[str]) -> bool:
    """Whether a term has a gradient with respect to the prediction."""
    return not (prediction.isdisjoint(term.nodes) or is_times_zero(unsigned(term)))


def _is_safe(term: Tree, prediction: frozenset[str]) -> bool:
    """Whether 0 times a term is 0 in every call, or in none, so that a single evaluation shows it."""
    return not term.inputs or cannot_overflow(term, OF_DATA if prediction.isdisjoint(term.nodes) else ANY)
