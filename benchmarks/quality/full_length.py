"""Late found losses against all rivals with the same treatment, at the end of whole trainings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from comparisons import Comparison, Loss
from search_tables import line

from mmautoloss.report.result_row import SCRATCH
from mmautoloss.report.statistics import Difference, paired_difference

LEVEL = 0.95


@dataclass(frozen=True)
class FullLength:
    """The trainings of one network with one metric: with each loss all along, and with each late.

    Attributes:
        along: Those with one loss from the beginning to the end.
        late: Those of the same length that exchange the hand-made losses late.
    """

    along: Comparison
    late: Comparison

    @property
    def winner(self) -> Loss:
        """The late loss that its search names as the best, which is trained first."""
        return min((loss for loss in self.late.losses if loss.kind == 'found'), key=lambda loss: loss.place)

    @property
    def rivals(self) -> list[Loss]:
        """All late losses that were not found."""
        return [loss for loss in self.late.losses if loss.kind != 'found']

    @property
    def nearest(self) -> tuple[Loss, Difference] | None:
        """The rival of which the winner is least clear, by the end of the interval that is nearest to its own side.

        Each interval is one of ``LEVEL`` for all rivals together (Bonferroni). None with too few seeds.
        """
        level = 1 - (1 - LEVEL) / len(self.rivals)
        told = [(rival, paired_difference(self.winner.values, rival.values, level=level)) for rival in self.rivals]
        known = [(rival, found) for rival, found in told if found is not None]
        if len(known) < len(self.rivals):
            return None
        return min(known, key=lambda each: each[1].low if self.late.greater else -each[1].high)


def full_lengths(comparisons: Sequence[Comparison]) -> list[FullLength]:
    """The late comparisons with found losses that have one of the same length all along, in their order."""
    along = {_trained(each): each for each in comparisons if each.setting.begin == SCRATCH}
    late = [each for each in comparisons if each.setting.begin.startswith('late')]
    return [
        FullLength(along[_trained(each)], each)
        for each in late
        if _trained(each) in along and any(loss.kind == 'found' for loss in each.losses)
    ]


def _trained(comparison: Comparison) -> tuple[str, ...]:
    setting = comparison.setting
    return setting.set, setting.network, setting.metric, str(setting.iterations)


def full_table(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """The lines of the table; none without rows for it."""
    found = full_lengths(comparisons)
    if not found:
        return
    yield line(
        *(
            'set, metric',
            'seeds',
            'hand-made all along',
            'best by hand all along',
            'hand-made late',
            'best by hand late',
        ),
        *('found late', 'to its nearest rival', 'of all rivals'),
    )
    yield line(*['---'] * 9)
    for each in found:
        yield line(*_cells(each))


def _cells(each: FullLength) -> Iterator[str]:
    yield f'{each.late.set}, {each.late.metric}'
    yield str(len(each.winner.values))
    for comparison in (each.along, each.late):
        hand_made, best = comparison.hand_made, comparison.best_by_hand
        yield '' if hand_made is None else f'{hand_made.mean:.3f}'
        yield '' if best is None else f'{best.mean:.3f} ({best.label})'
    yield f'**{each.winner.mean:.3f}**'
    if each.nearest is None:
        yield from ('', 'few seeds')
        return
    rival, difference = each.nearest
    yield f'{difference.mean:+.3f} ({difference.low:+.3f} to {difference.high:+.3f}), {rival.label}'
    yield {'better': 'clear', 'worse': 'worse than one'}.get(difference.word(each.late.greater), 'not clear')
