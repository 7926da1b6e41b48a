"""A genome: the expressions of a candidate, one for every searched branch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from mmautoloss.errors import ExpressionError
from mmautoloss.expr.parsing import parse
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

    __slots__ = ('_texts', '_trees')

    def __init__(self, trees: Mapping[str, Tree]) -> None:
        if not trees:
            raise ExpressionError('A genome needs at least one branch, but got none.')
        for branch, tree in trees.items():
            if not isinstance(tree, Tree):
                raise ExpressionError(f'The branch {branch!r} needs an expression tree, but got {tree!r}.')
        self._trees: dict[str, Tree] | None = dict(trees)
        self._texts: dict[str, str] = {}  # formatted at first use

    @classmethod
    def from_text(cls, texts: Mapping[str, str]) -> Genome:
        """Reads a genome from expressions in infix text."""
        return cls({branch: parse(text) for branch, text in texts.items()})

    @classmethod
    def from_trusted_text(cls, texts: Mapping[str, str]) -> Genome:
        """Takes the result of ``to_text``, and parses it at first use, so that many genomes load quickly.

        Only for unmodified texts, since an error in them shows late. Equality and hash still compare the trees.
        """
        genome = cls.__new__(cls)
        genome._trees, genome._texts = None, dict(texts)
        return genome

    def to_text(self) -> dict[str, str]:
        """The expressions as infix text."""
        if not self._texts:
            self._texts = {branch: str(tree) for branch, tree in self._read().items()}
        return dict(self._texts)

    def with_tree(self, branch: str, tree: Tree) -> Genome:
        """A genome that differs in one branch.

        Raises:
            ExpressionError: There is no such branch.
        """
        trees = self._read()
        if branch not in trees:
            raise ExpressionError(f'There is no branch {branch!r}, only {", ".join(trees)}.')
        return Genome({**trees, branch: tree})

    def __getitem__(self, branch: str) -> Tree:
        return self._read()[branch]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __hash__(self) -> int:
        return hash(frozenset(self._read().items()))  # equality ignores the order, as in any mapping

    def __repr__(self) -> str:
        return f'Genome({self.to_text()!r})'

    def _read(self) -> dict[str, Tree]:
        if self._trees is None:
            self._trees = {branch: _parse_once(text) for branch, text in self._texts.items()}
        return self._trees


_parse_once = lru_cache(maxsize=10_000)(parse)  # evolution copies most branches from trial to trial
