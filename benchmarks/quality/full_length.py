"""Found losses against all rivals with the same treatment, at the end of whole trainings."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from arm_journals import read_record
from comparisons import Comparison, Loss
from search_tables import line

from mmautoloss.report.result_row import SCRATCH
from mmautoloss.report.statistics import Difference, paired_difference

LEVEL = 0.95

FROM_THE_BEGINNING = {
    *(('fashion_sym40', 'resnet_w16'), ('fashion_asym40', 'resnet_w16'), ('fashion', 'resnet_w16')),
    *(('leaf_reid', 'resnet_w16'), ('beans_pairs40', 'lite0_linear')),
}
"""Sets and networks whose searches train candidates from scratch, as long as the losses are compared."""

FURTHER = {'camvid_second': 'camvid'}
"""Sets that are another search on the images of a set, by the name in its rows."""

PARTS = ('lsp_parts',)
"""Sets in whose rows losses are parts of a found one, trained to explain it."""

TITLES = (
    *('set, metric', 'seeds', 'hand-made all along', 'best by hand all along', 'found all along'),
    *('hand-made late', 'best by hand late', 'found late', 'to its nearest rival', 'of all rivals'),
)


@dataclass(frozen=True)
class FullLength:
    """The trainings of one network with one metric: with each loss all along, and with each late.

    Attributes:
        along: Those with one loss from the beginning to the end.
        late: Those of the same length that exchange the hand-made losses late; None for a search of losses all along.
        winner: The loss that its search names as the best, in the trainings for which it was searched.
        rivals: All losses in these trainings that were not found.
    """

    along: Comparison
    late: Comparison | None
    winner: Loss
    rivals: tuple[Loss, ...]

    @property
    def searched(self) -> Comparison:
        """The trainings for which the losses were searched."""
        return self.late or self.along

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
        return min(known, key=lambda each: each[1].low if self.searched.greater else -each[1].high)


def winners_of(journals: Iterable[Path]) -> set[str]:
    """The expressions, as in rows, of the losses that searches have compared with fresh seeds at their end."""
    chosen = [read_record(path).history.confirmed() for path in journals]
    return {json.dumps(trial.genome.to_text()) for trial in chosen if trial is not None and trial.genome}


def full_lengths(comparisons: Sequence[Comparison], winners: Collection[str]) -> list[FullLength]:
    """The comparisons with the winner of a search and rivals: late ones with one of the same length all along, and others.

    Args:
        comparisons: All.
        winners: Expressions of the winners of searches.
    """
    along = {_trained(each): each for each in comparisons if each.setting.begin == SCRATCH}
    found = []
    for each in comparisons:
        late = each if each.setting.begin.startswith('late') and _trained(each) in along else None
        if late or (each.setting.begin == SCRATCH and (each.set, each.network) in FROM_THE_BEGINNING):
            won = [loss for loss in each.losses if loss.kind == 'found' and loss.expression in winners]
            for winner in won:
                beside = trained_beside(winner, each)
                rivals = tuple(loss for loss in beside.losses if loss.kind != 'found')
                if rivals:
                    whole = along[_trained(each)] if late else beside
                    found.append(FullLength(whole, beside if late else None, winner, rivals))
    return found


def trained_beside(winner: Loss, comparison: Comparison) -> Comparison:
    """The losses of a comparison that were trained with seeds of the winner, by these seeds.

    Two searches on one network have rivals of their own, whose weights come from the probes of the search.
    """
    seeds = winner.values.keys()
    shared = [
        replace(loss, values={seed: value for seed, value in loss.values.items() if seed in seeds})
        for loss in comparison.losses
    ]
    return replace(comparison, losses=tuple(loss for loss in shared if loss.values))


def _trained(comparison: Comparison) -> tuple[str, ...]:
    setting = comparison.setting
    return FURTHER.get(setting.set, setting.set), setting.network, setting.metric, str(setting.iterations)


def full_table(found: Sequence[FullLength]) -> Iterator[str]:
    """The lines of the table; none without rows for it."""
    if not found:
        return
    yield line(*TITLES)
    yield line(*['---'] * len(TITLES))
    for each in found:
        yield line(*_cells(each))


def _cells(each: FullLength) -> Iterator[str]:
    yield f'{each.searched.set}, {each.searched.metric}'
    yield str(len(each.winner.values))
    yield from _means(each.along, each)
    yield from _means(each.late, each)
    nearest = each.nearest  # bootstraps all rivals
    if nearest is None:
        yield from ('', 'few seeds')
        return
    rival, difference = nearest
    bounds = difference.low, difference.high
    digits = 3 if min(map(abs, bounds)) >= 0.0005 else 4  # a bound that is not 0 does not look so
    low, high = (f'{bound:+.{digits}f}' for bound in bounds)
    yield f'{difference.mean:+.{digits}f} ({low} to {high}), {_name(rival)}'
    yield {'better': 'clear', 'worse': 'worse than one'}.get(difference.word(each.searched.greater), 'not clear')


def _means(comparison: Comparison | None, each: FullLength) -> Iterator[str]:
    """Of the hand-made losses, the best by hand and the winner; bold and named where the winner was searched."""
    if comparison is None:
        yield from '---'
        return
    hand_made, best = comparison.hand_made, comparison.best_by_hand
    yield '' if hand_made is None else f'{hand_made.mean:.3f}'
    # of a single loss nothing is the best
    yield '-' if best is None or len(comparison.losses) == 1 else f'{best.mean:.3f} ({_name(best)})'
    found = next((loss for loss in comparison.losses if loss.expression == each.winner.expression), None)
    if found is None:
        yield '-'
    else:
        yield f'**{found.mean:.3f}** ({found.label})' if comparison is each.searched else f'{found.mean:.3f}'


def _name(loss: Loss) -> str:
    """Without its weight; formulas are code in Markdown."""
    name = loss.label.removesuffix(', balanced').removesuffix(', hand-made')
    return f'`{name}`' if '*' in name else name
