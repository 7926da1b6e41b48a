"""The content of the page of a search."""

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
        title: Title of the table.
        table: The facts; the page may show only a part, its files contain all.
        formats: Format of the numbers by column, such as ``.4f``.
        shown: The rows that the page shows; None for all.
        caption: Explanation of the table.
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
        """The CSS classes of a column: ``number``, ``text``, or ``text code`` for expressions."""
        values = [value for value in self.table.column(column) if value is not None]
        if values and all(isinstance(value, int | float) for value in values):
            return 'number'
        return 'text code' if column in self.expressions else 'text'


@dataclass(frozen=True)
class Finalist:
    """One of the best found trials.

    Attributes:
        trial: Its number.
        origin: The mutation or source that it was bred by.
        mean: Mean of its scores, as the metric reports them.
        spread: Standard deviation of its scores; None for a single one.
        scores: One score for each seed: for each fresh one, where there are any.
        chosen_by: The scores by which it was chosen.
        fresh: Whether its scores are those of fresh seeds.
        times: Length of the trainings with these scores, as a multiple of that of a candidate.
        losses: Its losses, one for each branch, or for each branch and task.
        ancestry: Its ancestors, oldest first, and itself.
        portraits: Drawings of it, such as curves, tree and ancestry.
        pictures: Predictions of the network trained with it and with the hand-made losses.
    """

    trial: int
    origin: str
    mean: float
    spread: float | None
    scores: tuple[float, ...]
    chosen_by: tuple[float, ...]
    fresh: bool
    times: float
    losses: tuple[Loss, ...]
    ancestry: tuple[Ancestor, ...] = ()
    portraits: tuple[Figure, ...] = ()
    pictures: tuple[Picture, ...] = ()

    @property
    def config(self) -> str:
        """Lines to paste into a config, each after a comment with its position in the model; '' where that is unknown."""
        return '\n'.join(f'# {_of(loss)}in {loss.key}\n{loss.line}' for loss in self.losses if loss.line)

    @property
    def formulas(self) -> tuple[Loss, ...]:
        """One loss for each branch, since the formula is the same in all tasks."""
        return tuple({loss.branch: loss for loss in reversed(self.losses)}.values())[::-1]

    def weights(self, branch: str) -> str:
        """The weight of a branch, or its weights by task."""
        weights = [(loss.task, f'{loss.weight:.4g}') for loss in self.losses if loss.branch == branch]
        return ', '.join(f'{weight} in {task}' if task else weight for task, weight in weights)


def _of(loss: Loss) -> str:
    return f'task {loss.task}, ' if loss.task else ''


@dataclass(frozen=True)
class Report:
    """The content of the page of a search.

    Attributes:
        title: Title of the page.
        work_dir: Work dir of the search.
        made: Human-readable time of the report.
        folder: Name of the folder with the tables, next to the page.
        facts: Facts of the search.
        finalists: The best found trials, best first.
        figures: Drawings by name; those that cannot be drawn yet are missing.
        sheets: Tables by name.
        failures: Trials that failed for the same reason, with the full reason of one of them.
        commands: Possible next steps: a description and a shell command.
        notes: Content that could not be shown, with the reason.

    Raises:
        ValueError: Two figures or tables have the same name and would share a file.
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
        names = Counter(item.name for item in self._with_tables())
        duplicates = [name for name, count in names.items() if count > 1]
        if duplicates:
            raise ValueError(
                f'Figures and tables must have names of their own, but got {", ".join(duplicates)} twice.'
            )

    def tables(self) -> dict[str, Table]:
        """The tables of all figures and sheets, by the stem of their files."""
        return {item.name: item.table for item in self._with_tables()}

    def _with_tables(self) -> list[Figure | Sheet]:
        portraits = [figure for finalist in self.finalists for figure in finalist.portraits]
        return [*self.figures.values(), *portraits, *self.sheets.values()]
