"""What stands on the page of a search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmautoloss.report.facts import Facts
from mmautoloss.report.facts.ancestry import Ancestor
from mmautoloss.report.facts.failures import Example
from mmautoloss.report.facts.losses import Loss
from mmautoloss.report.facts.table import Table
from mmautoloss.report.figures import Figure, Picture
from mmautoloss.report.status import Failure


@dataclass(frozen=True)
class Sheet:
    """A table of the page.

    Attributes:
        name: Stem of its files.
        title: What it shows.
        table: The facts; the page may show less of them, its files have all.
        formats: Format of a column's numbers, such as ``.4f``.
        shown: The rows that the page shows; None for all.
        caption: How to read it.
        expressions: Columns of expressions, named after branches.
    """

    name: str
    title: str
    table: Table
    formats: Mapping[str, str] = field(default_factory=dict)
    shown: tuple[tuple, ...] | None = None
    caption: str = ''
    expressions: frozenset[str] = frozenset()

    def kind(self, column: str) -> str:
        """How a column is set: ``number``, ``text``, or ``text code`` for expressions."""
        values = [value for value in self.table.column(column) if value is not None]
        if values and all(isinstance(value, int | float) for value in values):
            return 'number'
        return 'text code' if column in self.expressions else 'text'


@dataclass(frozen=True)
class Finalist:
    """One of the best found.

    Attributes:
        trial: Its number.
        origin: How it was bred.
        mean: Mean of its scores, as the metric reports them.
        spread: Their standard deviation; None for a single one.
        scores: One a seed; the first is the one by which it was chosen.
        losses: Its losses, branch by branch.
        ancestry: The trials that it was bred from, oldest first, and itself.
        portraits: Drawings of it, such as curves, tree and ancestry.
        pictures: Predictions of the network that it trained, beside those of the hand-made losses.
    """

    trial: int
    origin: str
    mean: float
    spread: float | None
    scores: tuple[float, ...]
    losses: tuple[Loss, ...]
    ancestry: tuple[Ancestor, ...] = ()
    portraits: tuple[Figure, ...] = ()
    pictures: tuple[Picture, ...] = ()

    @property
    def config(self) -> str:
        """Lines to paste, each below the place where it stands in the model; '' where that is unknown."""
        return '\n'.join(f'# in {loss.key}\n{loss.line}' for loss in self.losses if loss.line)


@dataclass(frozen=True)
class Report:
    """Everything that the page of a search shows.

    Attributes:
        title: What was searched.
        work_dir: Where.
        made: When the page was made, for people.
        folder: Name of the folder beside the page that has the tables.
        facts: What the search found.
        finalists: The best found, best first.
        figures: Drawings by name; those that cannot be drawn yet are missing.
        sheets: Tables by name.
        failures: Trials that failed alike, with one of them in full.
        commands: What can be done next: words and a command of the shell.
        notes: Whatever could not be shown, and why.

    Raises:
        ValueError: Two figures or tables have one name, so that their files would be one.
    """

    title: str
    work_dir: str
    made: str
    folder: str
    facts: Facts
    finalists: tuple[Finalist, ...] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)
    sheets: Mapping[str, Sheet] = field(default_factory=dict)
    failures: tuple[tuple[Failure, Example], ...] = ()
    commands: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = Counter(each.name for each in self._with_tables())
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise ValueError(f'Figures and tables must have names of their own, but got {", ".join(twice)} twice.')

    def tables(self) -> dict[str, Table]:
        """The tables of all figures and sheets, by the stem of their files."""
        return {each.name: each.table for each in self._with_tables()}

    def _with_tables(self) -> list[Figure | Sheet]:
        portraits = [figure for finalist in self.finalists for figure in finalist.portraits]
        return [*self.figures.values(), *portraits, *self.sheets.values()]
