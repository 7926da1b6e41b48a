"""Matplotlib figures as SVG with the colours and the font of the surrounding page."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

# Placeholder colours, which the SVG replaces by the CSS variables of the light or dark page.
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
"""CSS variables by placeholder; hand-made losses are drawn in BASE, found ones in FOUND, failures in FAULT."""

SIZE = 12
"""Size of all text in points: a figure as wide as a phone has letters of at least 11 pixels."""

_STYLE: Any = {  # matplotlib's type is a literal of all its settings
    'svg.fonttype': 'none',
    'font.family': 'sans-serif',
    'font.size': SIZE,
    'xtick.labelsize': SIZE,
    'ytick.labelsize': SIZE,
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
    """A figure and its axes in the style of the page, without pyplot, which keeps global state and may need a display.

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
    """A figure as an ``<svg>`` element that scales to the available width.

    Args:
        figure: A figure from ``new_axes``, inside whose context this must be called.
        name: Name that makes the ids differ from those of other figures on the page.
        text: Alternative text for screen readers.
    """
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({'svg.hashsalt': name}):
        figure.savefig(buffer, format='svg', metadata={'Date': None, 'Creator': None, 'Format': None, 'Type': None})
    svg = buffer.getvalue()
    svg = svg[svg.index('<svg') :]
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r'<g id="[\w.]+_\d+"', '<g', svg)  # these ids repeat across figures, and nothing refers to them
    svg = re.sub(r'<metadata>.*?</metadata>', '', svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="([^"]*)pt"', r'\1 style="--points: \2"', svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1', svg, count=1)
    svg = re.sub(r"""font(-family)?: ([^;"']*?)('[^']*'|sans-serif)[^;"]*""", _page_font, svg)
    return svg.replace('<svg ', f'<svg role="img" aria-label="{_attribute(text)}" ', 1)


def _page_font(match: re.Match[str]) -> str:
    """Keeps the font size and inherits the family from the page."""
    return f'font-family: inherit{"" if match[1] else "; font-size: " + match[2].strip().split()[-1]}'


def _attribute(text: str) -> str:
    return text.replace('&', '&amp;').replace('"', '&quot;').replace('<', '&lt;')
