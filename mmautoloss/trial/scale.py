"""The metric of a search, and how its scores are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Scale(NamedTuple):
    """The monitored metric; internally a higher score is better, but scores are shown as the metric reports them.

    Attributes:
        metric: Key of the metric; several are joined by +.
        greater: Whether a higher value is better.

    Example:
        >>> Scale('NME', greater=False).shown(-0.25)
        0.25
    """

    metric: str
    greater: bool

    @property
    def sign(self) -> int:
        """Factor that converts an internal score to the value of the metric, and back."""
        return 1 if self.greater else -1

    def shown(self, score: float | None) -> float | None:
        """A score as the metric reports it."""
        return None if score is None else self.sign * score


def scale_of(header: Mapping[str, Any]) -> Scale:
    """The scale of a search.

    Args:
        header: The first event of its journal.
    """
    metric = header.get('metric', 'score')
    return Scale(metric if isinstance(metric, str) else '+'.join(metric), header.get('rule') != 'less')
