"""Human-readable durations, times of day and large numbers."""

from __future__ import annotations

import time
from datetime import datetime


def clock(seconds: float) -> str:
    """Date and time of day for a time in Unix seconds."""
    return datetime.fromtimestamp(seconds).strftime('%Y-%m-%d %H:%M')


def soon(seconds: float, now: float | None = None) -> str:
    """The time of day after the given number of seconds, with its date unless that is today.

    Args:
        seconds: Seconds from now.
        now: The present, in Unix seconds; by default the clock's time.
    """
    now = time.time() if now is None else now
    text = clock(now + seconds)
    return text[11:] if text[:10] == clock(now)[:10] else text


def large(number: float) -> str:
    """A count with three significant digits.

    Example:
        >>> [large(number) for number in (7, 950, 12_345, 1_234_567)]
        ['7', '950', '12.3 k', '1.23 M']
    """
    for factor, unit in ((1e6, ' M'), (1e3, ' k')):
        if number >= factor:
            return f'{number / factor:.3g}{unit}'
    return f'{number:.0f}'


def span(seconds: float) -> str:
    """A human-readable duration.

    Example:
        >>> [span(seconds) for seconds in (3.4, 600, 7500, 200_000)]
        ['3 s', '10 min', '2 h 5 min', '2 d 7 h']
    """
    minutes = round(seconds / 60)
    if seconds < 120:
        return f'{seconds:.0f} s'
    if minutes < 120:
        return f'{minutes} min'
    if minutes < 48 * 60:
        return f'{minutes // 60} h {minutes % 60} min'
    return f'{minutes // 1440} d {minutes % 1440 // 60} h'


def short_span(seconds: float) -> str:
    """A duration in at most eight columns.

    Example:
        >>> [short_span(seconds) for seconds in (3.44, 1500, 7500, 200_000)]
        ['3.4 s', '25 min', '2.1 h', '2.3 d']
    """
    if seconds < 1000:
        return f'{seconds:.1f} s'
    for limit, size, unit, digits in ((6000, 60, 'min', 0), (48 * 3600, 3600, 'h', 1)):
        if seconds < limit:
            return f'{seconds / size:.{digits}f} {unit}'
    return f'{seconds / 86400:.1f} d'


def last_line(text: str) -> str:
    """The last line of a text; '' where there is none.

    Example:
        >>> last_line('Traceback\\nValueError: no data\\n')
        'ValueError: no data'
    """
    lines = text.strip().splitlines()
    return lines[-1] if lines else ''
