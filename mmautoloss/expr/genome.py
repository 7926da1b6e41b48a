"""What one candidate consists of: an expression for every searched branch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmautoloss.errors import ExpressionError
from mmautoloss.expr.text import parse
from mmautoloss.expr.tree import Tree


class Genome(Mapping[str, Tree]):
    """An immutable map from branch name to expression, in a fixed order.

    Raises:
        ExpressionError: There is no branch, or a value is no tree.

    Example:
        >>> genome = Genome.from_text({'cls': '-y * log(p)', 'box': 'abs(p - y)'})
        >>> genome.to_text()
        {'cls': '-y * log(p)', 'box': 'abs(p - y)'}
        >>> genome.with_tree('box', parse('(p - y) ** 2')).to_text()['box']
        '(p - y) ** 2'
    """

    __slots__ = ('_trees',)

    def __init__(self, trees: Mapping[str, Tree]) -> None:
        if not trees:
            raise ExpressionError('A genome needs at least one branch, but got none.')
        for branch, tree in trees.items():
            if not isinstance(tree, Tree):
                raise ExpressionError(f'The branch {branch!r} needs an expression tree, but got {tree!r}.')
        self._trees = dict(trees)

    @classmethod
    def from_text(cls, texts: Mapping[str, str]) -> Genome:
        """Reads a genome from expressions in infix text."""
        return cls({branch: parse(text) for branch, text in texts.items()})

    def to_text(self) -> dict[str, str]:
        """The expressions as infix text."""
        return {branch: str(tree) for branch, tree in self._trees.items()}

    def with_tree(self, branch: str, tree: Tree) -> Genome:
        """A genome that differs in one branch.

        Raises:
            ExpressionError: There is no such branch.
        """
        if branch not in self._trees:
            raise ExpressionError(f'There is no branch {branch!r}, only {", ".join(self._trees)}.')
        return Genome({**self._trees, branch: tree})

    def __getitem__(self, branch: str) -> Tree:
        return self._trees[branch]

    def __iter__(self) -> Iterator[str]:
        return iter(self._trees)

    def __len__(self) -> int:
        return len(self._trees)

    def __hash__(self) -> int:
        return hash(frozenset(self._trees.items()))  # equality ignores the order, as in any map

    def __repr__(self) -> str:
        return f'Genome({self.to_text()!r})'
