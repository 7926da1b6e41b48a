"""The numbers of the losses of all branches as one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mmautoloss.errors import ExpressionError, SetupError
from mmautoloss.expr import Genome, Template, Tree
from mmautoloss.expr.elapsed import ELAPSED
from mmautoloss.losses import FAMILIES, InputKind, expression_of, family_of


@dataclass(frozen=True)
class JointNumbers:
    """Templates of all branches, whose numbers are measured from their starts in units of their scales.

    Attributes:
        templates: By branch, in the order of the branches; one without numbers is a loss that stays as it is.

    Raises:
        SetupError: There is no number at all.
    """

    templates: Mapping[str, Template]

    def __post_init__(self) -> None:
        if not self.size:
            losses = ', '.join(f'{branch}: {template}' for branch, template in self.templates.items())
            raise SetupError(
                f'There is no number to tune in {losses}. A factor of the whole loss is its weight, which the screen '
                'balances. Put numbers where they may matter, as in "-y * (1 - {a=0} * p) * log(p)", or name a family '
                f'({", ".join(FAMILIES)}).'
            )

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return sum(len(template.numbers) for template in self.templates.values())

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """The smallest and the largest coordinate of each number."""
        numbers = [number for template in self.templates.values() for number in template.numbers]
        return [((n.least - n.start) / n.scale, (n.most - n.start) / n.scale) for n in numbers]

    def fill(self, branch: str, vector: Sequence[float]) -> Tree:
        """The expression of a branch.

        Args:
            branch: Its name.
            vector: The coordinates of all numbers.
        """
        names = list(self.templates)
        first = sum(len(self.templates[name].numbers) for name in names[: names.index(branch)])
        numbers = self.templates[branch].numbers
        own = vector[first : first + len(numbers)]
        return self.templates[branch].fill([n.start + n.scale * x for n, x in zip(numbers, own, strict=True)])

    def genome(self, vector: Sequence[float]) -> Genome:
        """The expressions of all branches."""
        return Genome({branch: self.fill(branch, vector) for branch in self.templates})

    def read(self, genome: Genome) -> list[float] | None:
        """The coordinates of all numbers in a genome; None where its expressions are not of these templates."""
        if set(genome) != set(self.templates):
            return None
        vector: list[float] = []
        for branch, template in self.templates.items():
            values = _read(template, genome[branch])
            if values is None:
                return None
            vector += [(x - n.start) / n.scale for n, x in zip(template.numbers, values, strict=True)]
        return vector


@lru_cache(maxsize=100_000)
def _read(template: Template, tree: Tree) -> tuple[float, ...] | None:
    return template.read(tree)  # of each trial, for every proposal again


def read_templates(
    family: str | Mapping[str, str], kinds: Mapping[str, InputKind], order: int = 4, pieces: int = 6
) -> JointNumbers:
    """The templates that a setting names.

    Args:
        family: For all branches or by branch: a family (``losses.FAMILIES``), a template with numbers in braces, or a loss,
            of which those numbers are taken that matter (``Template.of``).
        kinds: Kinds of input by branch.
        order: Order of ``taylor``.
        pieces: Pieces of ``piecewise``.

    Raises:
        SetupError: A branch is missing or unknown, its text is no loss for it, or nothing has numbers.
    """
    texts = dict.fromkeys(kinds, family) if isinstance(family, str) else family
    if not isinstance(texts, Mapping) or set(texts) != set(kinds):
        raise SetupError(
            f'strategy.family must be one text, or one for each branch ({", ".join(kinds)}), but got {family!r}. A branch '
            'whose loss is to stay gets that loss, or is left out of branches, and keeps its hand-made loss.'
        )
    templates = {}
    for branch, kind in kinds.items():
        try:
            templates[branch] = _template(texts[branch], kind, order, pieces)
        except (ExpressionError, SetupError) as error:
            raise SetupError(f'strategy.family, branch {branch!r}: {error}') from None
    return JointNumbers(templates)


def _template(text: str, kind: InputKind, order: int, pieces: int) -> Template:
    if text in FAMILIES:
        return family_of(text, kind, order, pieces)
    if isinstance(text, str) and '{' not in text:
        return Template.of(kind.parse(expression_of(text, kind.name)))
    return Template.parse(text, (*kind.names, ELAPSED), kind.ranges)
