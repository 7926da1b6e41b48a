"""What a benchmark measured, as rows of a CSV file and as a table on the console."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

WIDTH = 110
"""Columns of a table that goes to a file, at least."""


def write_rows(path: Path, titles: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Writes a file anew: its titles, and the rows there are so far."""
    with path.open('w', newline='', encoding='utf-8') as file:
        csv.writer(file, lineterminator='\n').writerows([titles, *rows])


def print_table(titles: Iterable[str], rows: Iterable[Iterable[str]], left: Collection[str]) -> None:
    """Prints rows under their titles, numbers to the right.

    Args:
        titles: Of the columns.
        rows: Their cells.
        left: Titles of the columns of words.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), header_style='bold')
    for title in titles:
        table.add_column(title, justify='left' if title in left else 'right', overflow='fold')
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    console.width = console.width if console.is_terminal else max(console.width, WIDTH)
    console.print(table)
