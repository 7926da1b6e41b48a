"""Places for numbers in an expression, and which numbers of a given expression can be tuned."""

from __future__ import annotations

from mmautoloss.expr.mutation import LARGEST, SMALLEST
from mmautoloss.expr.tree import Tree, arity, is_number, join

MARK = 'number_'
"""Begin of the leaves that stand for numbers."""

_TARGET = {'y'}
_LINEAR = ('neg', 'mean_nhw', 'mean_c')
"""Operators below which the terms of a sum are still terms of the loss."""


def hole(name: str) -> str:
    """The leaf that stands for a number."""
    return MARK + name


def is_hole(node: str) -> bool:
    """Whether a node stands for a number."""
    return node.startswith(MARK)


def opened(tree: Tree) -> tuple[Tree, tuple[float, ...]]:
    """An expression with holes ``a1``, ``a2``, ... in place of the numbers that matter, and these numbers.

    Those that matter are the numbers that are written, and in each sum of parts of the loss the factor, written or not, of
    every part but the first. Not among them are a factor of the whole loss, which is its weight; the 1 of a complement such
    as ``1 - p``; what is added to the loss and has no gradient; and numbers below ``SMALLEST``, which are protections.

    Example:
        >>> from mmautoloss.expr.parsing import parse
        >>> tree, numbers = opened(parse('-2 * y * log(p) + y * (1 - exp(0.7 * log(p)))'))
        >>> str(tree), numbers
        ('-2 * y * log(p) + y * (1 - number_a1 * exp(number_a2 * log(p)))', (1.0, 0.7))
    """
    opener = _Opener()
    return opener.part(tree, scaled=False, shifted=True), tuple(opener.numbers)


class _Opener:
    """Opens the numbers of an expression from left to right."""

    def __init__(self) -> None:
        self.numbers: list[float] = []

    def part(self, tree: Tree, scaled: bool, shifted: bool) -> Tree:
        """A part of the loss.

        Args:
            tree: The part.
            scaled: Whether it needs a factor of its own.
            shifted: Whether what is added to it has no gradient.
        """
        if tree.root == 'neg' or (tree.root in _LINEAR and (not scaled or _has_factor(tree) or _has_sum(tree))):
            return join(tree.root, self.part(tree.operands()[0], scaled, shifted))
        if tree.root == 'add' and not _is_complement(tree):
            return self._sum(tree, scaled, shifted)
        if tree.root == 'mul':
            return self._product(tree, scaled, shifted)
        if _is_factor(tree):
            return self._inner(tree) if scaled else tree
        return self._with_factor(tree) if scaled else self._inner(tree)

    def _sum(self, tree: Tree, scaled: bool, shifted: bool) -> Tree:
        left, right = tree.operands()
        if shifted and _is_fixed(left):
            return join('add', left, self.part(right, scaled, shifted))
        opened_left = self.part(left, scaled, shifted)
        if shifted and _is_fixed(right):
            return join('add', opened_left, right)
        return join('add', opened_left, self.part(right, True, shifted))

    def _product(self, tree: Tree, scaled: bool, shifted: bool) -> Tree:
        left, right = tree.operands()
        takes_it = next((has for has in (_has_factor, _has_sum) if has(tree)), None) if scaled else None
        on_left = scaled and (takes_it is None or takes_it(left))  # a new factor stands at the very left
        opened_left = self.part(left, on_left, shifted and _is_fixed(right))
        return join('mul', opened_left, self.part(right, scaled and not on_left, shifted and _is_fixed(left)))

    def _with_factor(self, tree: Tree) -> Tree:
        factor = self._hole(1.0)
        return join('mul', factor, self.part(tree, scaled=False, shifted=False))

    def _inner(self, tree: Tree) -> Tree:
        """An operand, of which each number counts."""
        if is_number(tree.root):
            return self._hole(float(tree.root)) if _is_free(tree.root) else tree
        if tree.size == 1 or _is_complement(tree):
            return tree
        return join(tree.root, *(self._inner(operand) for operand in tree.operands()))

    def _hole(self, value: float) -> Tree:
        self.numbers.append(value)
        return Tree((hole(f'a{len(self.numbers)}'),))


def _is_free(node: str) -> bool:
    return SMALLEST <= float(node) <= LARGEST


def _is_fixed(tree: Tree) -> bool:
    """Whether an expression has no gradient."""
    return set(tree.inputs) <= _TARGET


def _is_factor(tree: Tree) -> bool:
    """Whether it is a number or the inverse of one."""
    node = tree.nodes[-1]
    return (tree.size == 1 or (tree.size == 2 and tree.root == 'inv')) and is_number(node) and _is_free(node)


def _has_factor(tree: Tree) -> bool:
    """Whether it is a product with a number."""
    below = tree.operands() if tree.root == 'mul' or tree.root in _LINEAR else ()
    return _is_factor(tree) or any(map(_has_factor, below))


def _has_sum(tree: Tree) -> bool:
    """Whether it is a product with a sum, whose parts have factors of their own."""
    below = tree.operands() if tree.root == 'mul' or tree.root in _LINEAR else ()
    return (tree.root == 'add' and not _is_complement(tree)) or any(map(_has_sum, below))


def _is_complement(tree: Tree) -> bool:
    """Whether it is ``1 - p`` or ``p - 1`` for an input ``p``."""
    if tree.root != 'add':
        return False
    leaves = sorted(node for node in tree.nodes if not arity(node))
    return tree.nodes.count('neg') == 1 and tree.size == 4 and leaves[0] == '1' and not is_number(leaves[1])
