"""What a report shows: drawings of tables of facts, and raster pictures."""

from __future__ import annotations

from dataclasses import dataclass

from mmautoloss.report.facts.table import Table


@dataclass(frozen=True)
class Figure:
    """A drawing and the table that it was drawn from.

    Attributes:
        name: Stem of its files, such as ``progress``.
        title: What it shows.
        caption: How to read it, in a sentence or two.
        table: The facts.
        svg: The drawing: an ``<svg>`` element without XML header, whose colours are those of the page
            (``canvas.to_svg``).
    """

    name: str
    title: str
    caption: str
    table: Table
    svg: str


@dataclass(frozen=True)
class Picture:
    """A raster picture, such as predictions drawn on an image.

    Attributes:
        name: Stem of its file.
        title: What it shows.
        caption: How to read it.
        content: The bytes of a JPEG or PNG file.
        kind: ``'jpeg'`` or ``'png'``.
        group: What stands side by side, such as the name of the validation image.
    """

    name: str
    title: str
    caption: str
    content: bytes
    kind: str
    group: str
