"""Tables, from which figures are drawn and which readers can download."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Table:
    """A table, from which a figure is drawn and which readers can download.

    Attributes:
        columns: Names of the columns.
        rows: Values in the order of the columns; None for a missing value.

    Raises:
        ValueError: A row is longer or shorter than the columns.

    Example:
        >>> print(Table(('trial', 'score'), ((0, 0.5), (1, None))).to_csv(), end='')
        trial,score
        0,0.5
        1,
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f'A row must have the {len(self.columns)} values of {self.columns}, but got {row}.')

    def column(self, name: str) -> list[Value]:
        """The values of a column."""
        index = self.columns.index(name)
        return [row[index] for row in self.rows]

    def to_csv(self) -> str:
        """The table as CSV with a header line."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator='\n')
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return text.getvalue()

    def to_json(self) -> list[dict[str, Any]]:
        """The rows as JSON objects."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def to_json_text(self) -> str:
        """The rows as JSON text."""
        return json.dumps(self.to_json(), indent=1, allow_nan=False) + '\n'
