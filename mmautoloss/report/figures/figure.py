"""The drawings of tables and the raster pictures of a report."""

from __future__ import annotations

from dataclasses import dataclass

from mmautoloss.report.facts.table import Table


@dataclass(frozen=True)
class Figure:
    """A drawing and the table from which it was drawn.

    Attributes:
        name: Stem of its files, such as ``progress``.
        title: Title of the figure.
        caption: One or two sentences on how to read it.
        table: The plotted values.
        svg: The drawing: an ``<svg>`` element without XML header, in the colours of the page (``canvas.to_svg``).
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
        title: Title of the picture.
        caption: Explanation of the picture.
        content: The bytes of a JPEG or PNG file.
        kind: ``'jpeg'`` or ``'png'``.
        group: Common name of the pictures that are shown side by side, such as that of the validation image.
    """

    name: str
    title: str
    caption: str
    content: bytes
    kind: str
    group: str
