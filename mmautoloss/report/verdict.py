"""Whether a search found better losses: the only rule by which reports say "better"."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import NamedTuple

from mmautoloss.report.lengths import HAND_MADE, Length, LengthScore
from mmautoloss.report.statistics import spread
from mmautoloss.trial import History, Role, Scale, Trial


class Verdict(NamedTuple):
    """The comparison of the best found losses with the hand-made ones.

    Attributes:
        word: ``better`` and ``worse`` outside the noise, ``even`` within it, ``unknown`` where one of the two has a single
            seed, ``nothing`` where no loss was found, or none holds in longer trainings.
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
    return _compare(baseline, best)


def verdict_of_funnel(lengths: Sequence[Length], scale: Scale) -> Verdict:
    """The verdict by the last stage of a funnel, which a found loss reaches only by being better at each length.

    Args:
        lengths: The stages that have begun.
        scale: The metric.
    """
    if not lengths or not lengths[-1].last:
        return Verdict(
            'unknown', 'Which found losses hold in longer trainings is not known yet: the funnel is not over.'
        )
    last = lengths[-1]
    rival = last.best(HAND_MADE, 'known', sign=scale.sign)
    others = f'{rival.losses} scores {rival.mean:.4f}' if rival else 'no other has a score'
    if not last.held:
        found = last.best('found', sign=scale.sign)
        best = f'the best found, trial {found.trial}, {found.mean:.4f}' if found else 'no found one has a score'
        return Verdict('nothing', f'No found loss holds at {last.times:g}x: {others}, {best}.')
    winner = last.of_trial(last.held[0])
    text = f'Trial {winner.trial} holds at {last.times:g}x with {winner.mean:.4f}; of the others, {others}.'
    verdict = _compare_at(last, winner, scale)
    return verdict._replace(text=f'{text} {verdict.text}')


def _compare_at(length: Length, winner: LengthScore, scale: Scale) -> Verdict:
    """The comparison of a found loss with the hand-made ones at one length."""
    hand_made = length.best(HAND_MADE)
    scores = [[scale.sign * score for score in each.scores] for each in (hand_made, winner) if each]
    if min(map(len, scores)) < 2 or not hand_made:
        return Verdict(
            'unknown', 'One seed is no word on how much better that is. Give the stages of budget.funnel more.'
        )
    return _compare(*scores)


def _compare(baseline: Sequence[float], best: Sequence[float]) -> Verdict:
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
