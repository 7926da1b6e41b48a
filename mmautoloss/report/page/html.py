"""The page as a single HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from mmautoloss.report.figures import Picture
from mmautoloss.report.page.content import Report, Sheet
from mmautoloss.report.page.palette import PALETTE

if TYPE_CHECKING:
    from jinja2 import Environment


def render(report: Report) -> str:
    """The HTML of a page without external resources: style, drawings and pictures are embedded.

    Args:
        report: Content of the page.
    """
    return _environment().get_template('report.html').render(report=report, facts=report.facts, palette=PALETTE)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from mmautoloss.report.page.formatting import cell, embedded, maths
    from mmautoloss.report.words import span

    environment = Environment(
        loader=PackageLoader('mmautoloss.report.page'),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        cell=cell, maths=maths, embedded=embedded, span=span, by_group=_by_group, kind_of=_kind_of
    )
    return environment


def _by_group(pictures: Sequence[Picture]) -> list[tuple[str, list[Picture]]]:
    """Groups of pictures that are shown side by side."""
    return [(name, list(group)) for name, group in groupby(pictures, lambda picture: picture.group)]


def _kind_of(column: str, sheet: Sheet) -> str:
    return sheet.kind(column)
