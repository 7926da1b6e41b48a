"""What a benchmark measured, as rows of a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write_rows(path: Path, titles: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Writes a file anew: its titles, and the rows there are so far."""
    with path.open('w', newline='', encoding='utf-8') as file:
        csv.writer(file, lineterminator='\n').writerows([titles, *rows])
