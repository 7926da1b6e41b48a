"""The live footer of a search on a terminal: progress bar, scores, funnel, running trials."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

_MIN_WIDTH = 4
"""Minimum width of the bar in columns; on a narrow terminal the end of the line is cut off."""

_REFRESH_PER_SECOND = 4


class Footer:
    """Lines as wide as the terminal, the first with a progress bar.

    Args:
        read: Returns the numbers of done and of all candidates, the text right of the bar, and the other lines; called
            from another thread.
    """

    def __init__(self, read: Callable[[], tuple[int, int, str, Iterable[str]]]) -> None:
        self._read = read

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Renders the lines."""
        done, total, suffix, lines = self._read()
        head = f'search {done}/{total} '
        width = max(_MIN_WIDTH, options.max_width - len(head) - len(suffix) - 1)
        full = width if not total else min(width, round(width * done / total))
        thick, thin = ('#', '-') if options.ascii_only else ('━', '─')
        bar = Text.assemble((head, 'bold'), (thick * full, 'green'), (thin * (width - full), 'dim'), f' {suffix}')
        for line in (bar, *(Text(line) for line in lines)):
            line.no_wrap, line.overflow = True, 'ellipsis'
            yield line


def live_footer(console: Console, footer: Footer) -> Live:
    """Shows the footer below all printed lines from ``start()`` to ``stop()``, then removes it."""
    return Live(footer, console=console, refresh_per_second=_REFRESH_PER_SECOND, transient=True)
