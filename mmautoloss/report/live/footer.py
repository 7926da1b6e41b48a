"""The footer of a terminal while a search runs: bar, scores, funnel, what goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

_LEAST = 4
"""Columns of the bar at least; the line is cut where there is no room for its end."""

_A_SECOND = 4
"""How often a second it is drawn anew."""


class Footer:
    """Lines that are as wide as the terminal, the first with a bar.

    Args:
        read: Gives how many of how many are done, what stands right of the bar, and the other lines; called from another
            thread.
    """

    def __init__(self, read: Callable[[], tuple[int, int, str, Iterable[str]]]) -> None:
        self._read = read

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draws it."""
        done, wanted, beside, lines = self._read()
        head = f'search {done}/{wanted} '
        width = max(_LEAST, options.max_width - len(head) - len(beside) - 1)
        full = width if not wanted else min(width, round(width * done / wanted))
        thick, thin = ('#', '-') if options.ascii_only else ('━', '─')
        bar = Text.assemble((head, 'bold'), (thick * full, 'green'), (thin * (width - full), 'dim'), f' {beside}')
        for line in (bar, *(Text(line) for line in lines)):
            line.no_wrap, line.overflow = True, 'ellipsis'
            yield line


def live_footer(console: Console, footer: Footer) -> Live:
    """Shows the footer below all that is printed, from ``start()`` to ``stop()``, after which it is gone."""
    return Live(footer, console=console, refresh_per_second=_A_SECOND, transient=True)
