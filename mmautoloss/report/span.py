"""Durations for people."""

from __future__ import annotations


def span(seconds: float) -> str:
    """A duration for people.

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
