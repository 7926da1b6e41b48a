"""Expressions with named numbers, such as ``-y * log(p / ({a=0.5} * p + 1 - {a}))``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmautoloss.errors import ExpressionError
from mmautoloss.expr.constants import constant
from mmautoloss.expr.holes import MARK, hole, is_hole, opened
from mmautoloss.expr.mutation import LARGEST, SMALLEST
from mmautoloss.expr.parsing import parse, shown
from mmautoloss.expr.powers import Range
from mmautoloss.expr.tree import Tree, arity, is_number, join

DIGITS = 4
"""Significant digits of numbers that are filled in, so that a formula can be read and pasted."""

_VALUE = r'[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?'
_HOLE = re.compile(
    rf'\{{\s*(?P<name>[A-Za-z]\w*)\s*(?:=\s*(?P<start>{_VALUE})\s*)?'
    rf'(?:,\s*(?P<least>{_VALUE})\s*\.\.\s*(?P<most>{_VALUE})\s*)?\}}'
)
_MARKED = re.compile(rf'\b{MARK}(\w+)')


@dataclass(frozen=True)
class Number:
    """A number of a template.

    Attributes:
        name: Its name.
        start: Its value at first.
        least: Its smallest value.
        most: Its largest value.

    Raises:
        ExpressionError: ``least <= start <= most`` does not hold, or a value is not between -1e6 and 1e6.
    """

    name: str
    start: float = 1.0
    least: float = -LARGEST
    most: float = LARGEST

    def __post_init__(self) -> None:
        least, most = self.least, self.most
        if not -LARGEST <= least < most <= LARGEST:
            raise ExpressionError(
                f'The range of {{{self.name}}} must have two ends that differ, the smaller first, between {-LARGEST:g} and '
                f'{LARGEST:g}, but got {least:g}..{most:g}.'
            )
        if not least <= self.start <= most:
            raise ExpressionError(
                f'The number {{{self.name}}} must begin between {least:g} and {most:g}, but got {self.start:g}.'
            )

    @property
    def scale(self) -> float:
        """The size that a change of it is measured by: that of its start; 1 where that is 0."""
        return abs(self.start) if abs(self.start) > SMALLEST else 1.0

    def rounded(self, value: float) -> float:
        """A value within the range, rounded to ``DIGITS`` digits; what is smaller than ``SMALLEST`` is 0."""
        if not self.least < value < self.most:
            return self.least if value <= self.least else self.most
        value = float(f'{value:.{DIGITS}g}') if abs(value) >= SMALLEST else 0.0
        return max(self.least, min(value, self.most))

    def __str__(self) -> str:
        limits = '' if (self.least, self.most) == (-LARGEST, LARGEST) else f', {self.least:.12g}..{self.most:.12g}'
        return f'{{{self.name}={self.start:.12g}{limits}}}'


@dataclass(frozen=True)
class Template:
    """An expression in which some numbers have names; ``fill`` makes ordinary expressions of it.

    Attributes:
        tree: The expression; a leaf ``number_NAME`` stands for each of the numbers.
        numbers: The numbers, in the order in which they appear.

    Raises:
        ExpressionError: The numbers are not those of the tree.

    Example:
        >>> template = Template.parse('{a=0.5} * abs(p - y) + {b=1, 0..2}')
        >>> str(template.fill([0.25, 3])), str(template.fill([-0.25, 1]))
        ('0.25 * abs(p - y) + 2', '-0.25 * abs(p - y) + 1')
        >>> template.read(template.fill([-0.25, 1]))
        (-0.25, 1.0)
    """

    tree: Tree
    numbers: tuple[Number, ...]

    def __post_init__(self) -> None:
        read = tuple(dict.fromkeys(node for node in self.tree.nodes if is_hole(node)))
        if read != tuple(hole(number.name) for number in self.numbers):
            raise ExpressionError(
                f'A template must have the numbers of its tree, in order ({", ".join(read)}), but got {self.numbers}.'
            )

    @classmethod
    def parse(
        cls, text: str, inputs: tuple[str, ...] | None = None, ranges: Mapping[str, Range] | None = None
    ) -> Template:
        """Reads a template; its text is parsed, never evaluated.

        Args:
            text: Infix text in which ``{a}`` is a number that begins at 1, ``{a=0.5}`` one that begins at 0.5, and
                ``{a=0.5, 0..2}`` one that stays between 0 and 2. A name may appear again, as ``{a}``.
            inputs: Names of the allowed inputs; None allows any name.
            ranges: As for ``parse``.

        Raises:
            ExpressionError: The text is no expression, what stands in braces is no number, or its start or range is
                impossible.
        """
        if not isinstance(text, str):
            raise ExpressionError(f'A template must be text such as "{{a=0.5}} * abs(p - y)", but got {text!r}.')
        numbers = _numbers_in(text)
        allowed = None if inputs is None else (*inputs, *map(hole, numbers))
        try:
            tree = parse(_HOLE.sub(lambda found: hole(found['name']), text), allowed, ranges)
        except ExpressionError as error:
            raise ExpressionError(_MARKED.sub(r'{\1}', str(error))) from None
        order = dict.fromkeys(node for node in tree.nodes if is_hole(node))
        return cls(tree, tuple(numbers[node.removeprefix(MARK)] for node in order))

    @classmethod
    def of(cls, tree: Tree) -> Template:
        """The template of the numbers of an expression that matter (``holes.opened``), which begin at their values.

        Example:
            >>> str(Template.of(parse('-(0.25 * y * log(p) + 0.75 * (1 - y) * log(1 - p))')))
            '-(0.25 * y * log(p) + {a1=0.75} * (1 - y) * log(1 - p))'
        """
        with_holes, numbers = opened(tree)
        return cls(with_holes, tuple(Number(f'a{count}', value) for count, value in enumerate(numbers, 1)))

    @property
    def start(self) -> tuple[float, ...]:
        """The numbers at first."""
        return tuple(number.start for number in self.numbers)

    def fill(self, values: Sequence[float]) -> Tree:
        """The expression with these values, rounded and within their ranges.

        Raises:
            ExpressionError: There are too many values or too few.
        """
        if len(values) != len(self.numbers):
            raise ExpressionError(
                f'The template {self} has {len(self.numbers)} numbers, but got {len(values)} values.'
            )
        pairs = zip(self.numbers, values, strict=True)
        return _filled(self.tree, {hole(number.name): constant(number.rounded(value)) for number, value in pairs})

    def read(self, tree: Tree) -> tuple[float, ...] | None:
        """The values with which ``fill`` gives an expression; None where it is none of the template."""
        pattern, nodes = _with_signs(self.tree), _with_signs(tree)
        if len(pattern) != len(nodes):
            return None
        found: dict[str, float] = {}
        for (name, sign), (node, other) in zip(pattern, nodes, strict=True):
            if is_hole(name) and is_number(node):
                found.setdefault(name, sign * other * float(node))
        values = tuple(found.get(hole(number.name), number.start) for number in self.numbers)
        return values if self.fill(values) == tree else None

    def __str__(self) -> str:
        numbers = {number.name: str(number) for number in self.numbers}
        return _MARKED.sub(lambda found: numbers.pop(found[1], f'{{{found[1]}}}'), str(self.tree))


def _numbers_in(text: str) -> dict[str, Number]:
    """The numbers of a text by name; a start or a range holds for all places of a name."""
    numbers: dict[str, Number] = {}
    for found in _HOLE.finditer(text):
        name, given = found['name'], {key: value for key, value in found.groupdict().items() if value is not None}
        if name in numbers and len(given) > 1:
            raise ExpressionError(f'{{{name}}} must have its start and range where it stands first, in {shown(text)}.')
        values = {key: float(value) for key, value in given.items() if key != 'name'}
        numbers.setdefault(name, Number(name, **values))
    if {'{', '}'} & set(_HOLE.sub('', text)):
        raise ExpressionError(
            f'A number in braces must be written {{a}}, {{a=0.5}} or {{a=0.5, 0..2}}, but got {shown(text)}.'
        )
    if _MARKED.search(text):
        raise ExpressionError(f'A name must not begin with {MARK!r} in a template, but got {shown(text)}.')
    return numbers


def _filled(tree: Tree, values: Mapping[str, Tree]) -> Tree:
    """A tree with values in place of leaves; signs stand as people write them: ``x - 2 * y``, not ``x + -2 * y``."""
    if tree.size == 1:
        return values.get(tree.root, tree)
    operands = [_filled(operand, values) for operand in tree.operands()]
    last = operands[-1]
    if tree.root == 'neg' and _is_negative(last):
        return _negated(last)
    if tree.root == 'add' and last.root == 'mul' and _is_negative(last):
        return join('add', operands[0], join('neg', _negated(last)))
    return join(tree.root, *operands)


def _first_factor(tree: Tree) -> int:
    """Position of the first factor of a product; 0 for any other tree."""
    return next(position for position, node in enumerate(tree.nodes) if node != 'mul')


def _is_negative(tree: Tree) -> bool:
    """Whether it is a negative number, or a product that begins with one."""
    first = _first_factor(tree)
    return tree.nodes[first] == 'neg' and is_number(tree.nodes[first + 1])


def _negated(tree: Tree) -> Tree:
    """A negative number, or a product that begins with one, without its sign."""
    first = _first_factor(tree)
    return Tree(tree.nodes[:first] + tree.nodes[first + 1 :])


def _with_signs(tree: Tree, sign: int = 1) -> list[tuple[str, int]]:
    """The nodes of a tree with signs; those before a product that begins with a number are signs of this number."""
    if tree.root == 'neg' and _begins_with_number(tree):
        return _with_signs(tree.operands()[0], -sign)
    operands = tree.operands() if arity(tree.root) else ()
    if tree.root == 'mul' and _begins_with_number(operands[0]):
        return [('mul', 1), *_with_signs(operands[0], sign), *_with_signs(operands[1])]
    return [(tree.root, sign), *(node for operand in operands for node in _with_signs(operand))]


def _begins_with_number(tree: Tree) -> bool:
    first = next(node for node in tree.nodes if node not in ('mul', 'neg'))
    return is_number(first) or is_hole(first)
