"""Matplotlib figures as SVG that takes its colours and its font from the page around it."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

# What is drawn in the colour on the left shows in the CSS variable on the right, light or dark as the page is.
INK = '#010101'
MUTED = '#010102'
GRID = '#010103'
BASE = '#010104'
FOUND = '#010105'
THIRD = '#010106'
FAULT = '#010107'
FOURTH = '#010108'
VARIABLES = {
    INK: 'var(--ink)',
    MUTED: 'var(--muted)',
    GRID: 'var(--grid)',
    BASE: 'var(--base)',
    FOUND: 'var(--found)',
    THIRD: 'var(--third)',
    FAULT: 'var(--fault)',
    FOURTH: 'var(--fourth)',
}
"""Colours by their use: hand-made losses are BASE, found ones FOUND, whatever failed FAULT."""

_STYLE: Any = {  # matplotlib's own type is a list of all its settings
    'svg.fonttype': 'none',
    'font.family': 'sans-serif',
    'font.size': 10,
    'figure.facecolor': 'none',
    'axes.facecolor': 'none',
    'savefig.facecolor': 'none',
    'axes.edgecolor': MUTED,
    'axes.labelcolor': INK,
    'axes.titlecolor': INK,
    'axes.grid': True,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.axisbelow': True,
    'grid.color': GRID,
    'grid.linewidth': 0.6,
    'text.color': INK,
    'xtick.color': MUTED,
    'ytick.color': MUTED,
    'legend.frameon': False,
    'lines.linewidth': 1.6,
}


@contextlib.contextmanager
def new_axes(width: float, height: float, **grid: Any) -> Iterator[tuple[Canvas, Any]]:
    """A figure and its axes in the style of the page; without pyplot, so that nothing is kept and no display is asked for.

    Args:
        width: Inches.
        height: Inches.
        **grid: Arguments of ``Figure.subplots``, such as ``ncols=2``.
    """
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context(_STYLE):
        figure = Canvas(figsize=(width, height), layout='constrained')
        yield figure, figure.subplots(**grid)


def to_svg(figure: Canvas, name: str, text: str) -> str:
    """A figure as an ``<svg>`` element that fits the width it is given.

    Args:
        figure: Made within ``canvas``, and written within it.
        name: Makes the ids within differ from those of other figures of a page.
        text: What is read out instead of the drawing.
    """
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({'svg.hashsalt': name}):
        figure.savefig(buffer, format='svg', metadata={'Date': None, 'Creator': None, 'Format': None, 'Type': None})
    svg = buffer.getvalue()
    svg = svg[svg.index('<svg') :]
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r'<g id="[\w.]+_\d+"', '<g', svg)  # numbered anew in every figure, and nothing points to them
    svg = re.sub(r'<metadata>.*?</metadata>', '', svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r'\1', svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1', svg, count=1)
    svg = re.sub(r"""font(-family)?: ([^;"']*?)('[^']*'|sans-serif)[^;"]*""", _page_font, svg)
    return svg.replace('<svg ', f'<svg role="img" aria-label="{_attribute(text)}" ', 1)


def _page_font(match: re.Match[str]) -> str:
    """Sizes stay, families are the page's."""
    return f'font-family: inherit{"" if match[1] else "; font-size: " + match[2].strip().split()[-1]}'


def _attribute(text: str) -> str:
    return text.replace('&', '&amp;').replace('"', '&quot;').replace('<', '&lt;')
