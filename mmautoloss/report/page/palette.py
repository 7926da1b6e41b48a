"""The colours of the page in light and dark mode."""

from __future__ import annotations

PALETTE: dict[str, tuple[str, str]] = {
    'paper': ('#ffffff', '#14171b'),
    'panel': ('#f5f6f8', '#1d2127'),
    'ink': ('#1b1f24', '#e3e6ea'),
    'muted': ('#5d6670', '#9aa4af'),
    'grid': ('#dde1e6', '#333941'),
    'base': ('#8a5a00', '#e0a84c'),
    'found': ('#0b5cad', '#6db3ff'),
    'third': ('#2f6f3a', '#78c488'),
    'fault': ('#b3261e', '#ff8a80'),
    'fourth': ('#76389b', '#cf9bf0'),
}
"""Light and dark colour of each CSS variable. Drawings use all from ``ink`` on (``figures.canvas``)."""
