"""The page of ``mmautoloss doctor``: first as plain data, then as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mmautoloss.cli.doctor.environment import Environment, Package
from mmautoloss.cli.doctor.tasks import TaskVerdict

# The printed word for each state, and its colour.
_STATES = {
    'ok': ('ok', 'green'),
    'note': ('note', 'yellow'),
    'failed': ('FAILED', 'bold red'),
    'broken': ('BROKEN', 'bold red'),
    'absent': ('absent', 'yellow'),
    'works': ('works', 'bold green'),
    'fails': ('does not work', 'bold red'),
}


class Row(NamedTuple):
    """One line of a table; ``state`` is a key of ``_STATES`` and is shown after the name."""

    name: str
    state: str
    details: tuple[str, ...]


class Table(NamedTuple):
    """One table of the page."""

    title: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]


class Page(NamedTuple):
    """The tables, and the lines to copy below them."""

    tables: tuple[Table, ...]
    advice: tuple[str, ...]


def build_page(environment: Environment, verdicts: Sequence[TaskVerdict]) -> Page:
    """The page with facts and verdicts."""
    packages = tuple(_package_row(package) for package in environment.packages)
    checks = tuple(Row(check.name, check.state, (check.detail,)) for check in environment.checks)
    tasks = tuple(Row(verdict.task, 'works' if verdict.works else 'fails', (verdict.reason,)) for verdict in verdicts)
    title = f'Python {environment.python} on {environment.platform}'
    return Page(
        (
            Table(title, ('import name', 'state', 'version', 'distribution'), packages),
            Table('Checks', ('check', 'state', 'what came out'), checks),
            Table('Tasks', ('task', 'state', 'why not'), tasks),
        ),
        (*_advise_on_packages(environment.packages), *_advise_on_tasks(verdicts)),
    )


def render_plain(page: Page) -> str:
    """The page as aligned text, used if rich is not installed."""
    return '\n'.join([*(_plain_table(table) for table in page.tables), *page.advice])


def show(page: Page) -> None:
    """Prints the page, in colour if rich is installed and the output is a terminal."""
    try:
        import rich.box
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text
    except ImportError:  # rich comes with MMEngine, which may be absent
        print(render_plain(page))
        return
    console = Console()
    for table in page.tables:
        rich_table = RichTable(*table.header, title=table.title, box=rich.box.SIMPLE_HEAD)
        rich_table.title_justify = 'left'
        for row in table.rows:
            word, colour = _STATES[row.state]
            # Text, not strings: an error may hold brackets, which rich would read as markup.
            rich_table.add_row(Text(row.name), Text(word, style=colour), *map(Text, row.details))
        console.print(rich_table)
    for line in page.advice:
        console.print(Text(line), soft_wrap=True)  # whole lines, so that they can be copied


def _package_row(package: Package) -> Row:
    """The row of a package; a broken one shows its error in place of its distributions."""
    source = package.error or ' + '.join(package.distributions)
    return Row(package.name, package.state, (package.version or '', source))


def _advise_on_packages(packages: Sequence[Package]) -> list[str]:
    """Advice on packages whose files two distributions have overwritten."""
    return [
        f'{package.name} was installed from {" and ".join(package.distributions)}, which overwrite'
        f' each other: uninstall them all, then install one.'
        for package in packages
        if len(package.distributions) > 1
    ]


def _advise_on_tasks(verdicts: Sequence[TaskVerdict]) -> list[str]:
    """The commands that fix tasks, each below the tasks that need it."""
    tasks: dict[str, list[str]] = {}
    for verdict in verdicts:
        if not verdict.works:
            tasks.setdefault(verdict.mend, []).append(verdict.task)
    if not tasks:
        return []
    lines = ['In a clone of mmautoloss "make install" installs the tested set. By hand:']
    for mend, names in tasks.items():
        lines += [f'# {", ".join(names)}', mend]
    return lines


def _plain_table(table: Table) -> str:
    """A table with aligned columns."""
    lines = [table.header]
    lines += [(row.name, _STATES[row.state][0], *row.details) for row in table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ['  '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return '\n'.join([table.title, *text, ''])
