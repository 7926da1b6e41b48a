"""A real browser for tests of pages: headless Chromium, driven by playwright, without a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_BINARIES = ('chromium', 'chromium-browser', 'google-chrome')


@dataclass
class Seen:
    """A page that is open, and what it did.

    Attributes:
        page: The page of playwright.
        requests: Addresses of everything that was asked for.
        errors: What stands on its console as an error, and uncaught exceptions.
    """

    page: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def browser() -> Iterator[Any]:
    """A browser; the test is skipped where none is installed."""
    api = pytest.importorskip('playwright.sync_api', reason='playwright is not installed (pip install playwright)')
    binary = next(filter(None, map(shutil.which, _BINARIES)), None)
    if binary is None:
        pytest.skip(f'no browser is installed: one of {", ".join(_BINARIES)} must be on the PATH')
    with api.sync_playwright() as play:
        running = play.chromium.launch(executable_path=binary, args=['--no-sandbox'])
        try:
            yield running
        finally:
            running.close()


@contextmanager
def opened(running: Any, path: Path, width: int = 1280, dark: bool = False) -> Iterator[Seen]:
    """A file, opened offline in a fresh context.

    Args:
        running: What ``browser`` gives.
        path: The HTML file.
        width: Of the window, in pixels.
        dark: Whether the person prefers dark pages.
    """
    scheme = 'dark' if dark else 'light'
    context = running.new_context(
        viewport={'width': width, 'height': 900}, color_scheme=scheme, offline=True, device_scale_factor=1
    )
    try:
        seen = Seen(context.new_page())
        seen.page.on('request', lambda request: seen.requests.append(request.url))
        seen.page.on('console', lambda said: seen.errors.append(said.text) if said.type == 'error' else None)
        seen.page.on('pageerror', lambda error: seen.errors.append(str(error)))
        seen.page.goto(path.absolute().as_uri())
        yield seen
    finally:
        context.close()


def overflow(page: Any) -> list[str]:
    """What is wider than the window, apart from what scrolls in a box of its own; with its right end in pixels."""
    return page.evaluate(
        """() => {
            const wide = document.documentElement.clientWidth;
            const boxed = (e) => {
                for (let up = e.parentElement; up; up = up.parentElement)
                    if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(up).overflowX)) return true;
                return false;
            };
            const found = [...document.body.querySelectorAll('*')].filter(
                (e) => e.getBoundingClientRect().right > wide + 1 && !boxed(e));
            const named = found.map((e) => `${e.tagName}.${e.className} ${e.getBoundingClientRect().right}`);
            const whole = document.documentElement.scrollWidth;
            return whole > wide ? [`document ${whole}`, ...named] : named;
        }"""
    )
