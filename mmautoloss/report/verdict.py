"""Whether a search found better losses: the only rule by which reports say "better"."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import NamedTuple

from mmautoloss.report.statistics import spread
from mmautoloss.trial import History, Role, Trial


class Verdict(NamedTuple):
    """The comparison of the best found losses with the hand-made ones.

    Attributes:
        word: ``better`` and ``worse`` outside the noise, ``even`` within it, ``unknown`` where one of the two has a single
            seed, ``nothing`` where no loss was found.
        text: The verdict as a sentence.
        gain: Mean of the best found losses minus that of the hand-made ones, higher is better; None where unknown.
        noise: The larger of the two spreads; None where unknown.
    """

    word: str
    text: str
    gain: float | None = None
    noise: float | None = None


def verdict_of(history: History, ranking: Sequence[Trial]) -> Verdict:
    """The verdict, which says "better" only for a gain above twice the noise.

    Args:
        history: All trials.
        ranking: The best found trials, by the mean over their seeds.
    """
    if not ranking and not history.of_role(Role.SEARCH):
        return Verdict(
            'nothing',
            'No searched loss could be trained: none was begun (budget.max_trials).',
        )
    if not ranking:
        return Verdict('nothing', 'No searched loss could be trained and scored.')
    baseline, best = history.baseline_scores(), history.scores_of(ranking[0].number)
    if len(baseline) < 2 or len(best) < 2:
        return Verdict(
            'unknown', 'One seed is no word on which is better. Raise baseline_repeats and finalist_repeats.'
        )
    gain, noise = mean(best) - mean(baseline), max(spread(baseline), spread(best))
    word = 'better' if gain > 0 else 'worse'
    if abs(gain) > 2 * noise:
        text = f'The best found losses are {word} than the hand-made ones by {abs(gain):.4f}, noise {noise:.4f}.'
        return Verdict(word, text, gain, noise)
    text = (
        f'The best found losses score {abs(gain):.4f} {word} than the hand-made ones: within twice the noise '
        f'({noise:.4f}), which says nothing. Longer trainings and more scoring images make the noise smaller.'
    )
    return Verdict('even', text, gain, noise)
