"""Texts cut to the columns that there are."""

from __future__ import annotations

from collections.abc import Mapping

_DOTS = '...'
_GAP = '  '


def cut(text: str, width: int) -> str:
    """A text of at most so many columns, with an ellipsis where something is left out.

    Example:
        >>> cut('-y * log(p)', 8), cut('-y * log(p)', 20)
        ('-y * ...', '-y * log(p)')
    """
    if len(text) <= width:
        return text
    return text[: max(0, width - len(_DOTS))] + _DOTS[: max(0, width)]


def cut_formulas(formulas: Mapping[str, str], width: int) -> str:
    """Branches and their formulas in a line of at most so many columns: the longest are cut, so that each is seen.

    Example:
        >>> cut_formulas({'cls': '-y * log(p) * (1 - p)', 'box': 'abs(p)'}, 32)
        'cls: -y * log(p)...  box: abs(p)'
    """
    names = {branch: f'{branch}: ' for branch in formulas}
    room = width - sum(map(len, names.values())) - len(_GAP) * (len(names) - 1)
    widths = _shared({branch: len(text) for branch, text in formulas.items()}, room)
    parts = (names[branch] + cut(text, widths[branch]) for branch, text in formulas.items())
    return cut(_GAP.join(parts), width)


def _shared(lengths: Mapping[str, int], room: int) -> dict[str, int]:
    """So much of the room for each that only the longest get less than they need, and these the same."""
    widths: dict[str, int] = {}
    for index, name in enumerate(sorted(lengths, key=lambda name: lengths[name])):
        widths[name] = min(lengths[name], max(0, room) // (len(lengths) - index))
        room -= widths[name]
    return widths
