"""Whether the hand-made losses have learnt anything that a search can build on."""

from __future__ import annotations

from statistics import mean
from typing import NamedTuple

from mmautoloss.report.tasks import hand_made_scores
from mmautoloss.trial import Record, Scale, scale_of

UNTRAINED = 'untrained'
"""Key of a session's facts: the value of the metric before any training, as text."""

LEAST_SHARE = 0.02
"""Share of what can be learnt below which candidates differ by chance. The lowest of a shipped config is 0.05 (detection of
digits after 160 iterations)."""

_PERCENT = 100.0
_IN_PERCENT = ('accuracy/', 'single-label/', 'multi-label/', 'retrieval/')
"""Beginnings of the metrics that mmpretrain gives in per cent, however low they are."""


class Learning(NamedTuple):
    """The hand-made losses against the untrained model; values as the metric reports them.

    Attributes:
        scale: The metric.
        trained: Mean value of the hand-made losses.
        untrained: Value without training; None where unknown, such as of a detector that detects nothing.
    """

    scale: Scale
    trained: float
    untrained: float | None

    @property
    def share(self) -> float | None:
        """What was learnt of what can be learnt: the way from the untrained value to the best possible one.

        The best value of an error is 0, of any other metric 1, or 100 where values are above 1 or known to be in per cent;
        None where they are larger, or where it is not known how large an error is without training.
        """
        if not self.scale.greater:
            return (self.untrained - self.trained) / self.untrained if self.untrained and self.untrained > 0 else None
        begin = self.untrained or 0.0
        in_percent = max(self.trained, begin) > 1 or self.scale.metric.startswith(_IN_PERCENT)
        best = _PERCENT if in_percent else 1.0
        return (self.trained - begin) / (best - begin) if max(self.trained, begin) < best else None

    @property
    def text(self) -> str:
        """The warning in two sentences, with what helps; '' where enough was learnt."""
        if self.share is None or self.share >= LEAST_SHARE:
            return ''
        without = '' if self.untrained is None else f', untrained {self.untrained:.4f}'
        return (
            f'The hand-made losses have learnt next to nothing ({self.scale.metric} {self.trained:.4f}{without}), so '
            'scores of candidates will differ by chance. What helps: a longer training (proxy.schedule), pretrained weights '
            "or your trained model (load_from, proxy.begin=dict(checkpoint=...)), or proxy.begin='trunk'."
        )


def learning_of(record: Record) -> Learning | None:
    """What the hand-made losses have learnt; None before they have a score, and in a search of several tasks."""
    scores = hand_made_scores(record.history)
    if not scores or record.history.yardstick or record.header.get('tasks'):
        return None
    scale = scale_of(record.header)
    return Learning(scale, scale.sign * mean(scores), untrained_of(record))


def untrained_of(record: Record) -> float | None:
    """The value of the metric without training, as a session has measured it; None where none has."""
    known = [session.info.get(UNTRAINED) for session in record.sessions]
    return next((float(text) for text in reversed(known) if text), None)


def learning_text(record: Record) -> str:
    """The warning that the hand-made losses have learnt next to nothing; '' where they have, or nothing is known."""
    learning = learning_of(record)
    return learning.text if learning else ''
