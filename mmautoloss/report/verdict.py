"""Whether a search found better losses: the only rule by which reports say "better"."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import NamedTuple

from mmautoloss.report.confirmation import Confirmation, Fresh, confirmation_of
from mmautoloss.report.labels import HAND_MADE, label_of
from mmautoloss.report.lengths import Length, LengthScore
from mmautoloss.report.statistics import Difference, paired_difference
from mmautoloss.search import LEAST_SEEDS
from mmautoloss.trial import History, Role, State, Trial

_REMEDY = f'To know more, set budget.confirm_seeds={LEAST_SEEDS} and go on with --resume: fresh seeds then decide.'


class Verdict(NamedTuple):
    """The comparison of the best found losses with the hand-made ones and with the best known loss.

    Attributes:
        word: ``better``, ``worse`` or ``even`` by fresh seeds; ``unknown`` where they are too few or failed, or the funnel
            is not over; ``unconfirmed`` where there are none; ``nothing`` where no loss was found, or none holds in longer
            trainings.
        text: The verdict in words.
        gain: Mean of the best found losses minus that of the hand-made ones, higher is better; None where unknown. It is
            unbiased, except of a search that is unconfirmed.
        low: Lower end of its 95 % interval; None where there is none.
        high: Upper end of its 95 % interval; None where there is none.
        rival: Label of the best known loss; '' where there is none.
        over_rival: The same comparison with the best known loss, in one word; '' where there is none.
    """

    word: str
    text: str
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    rival: str = ''
    over_rival: str = ''


def verdict_of(
    history: History, ranking: Sequence[Trial], lengths: Sequence[Length] | None = None, sign: int = 1
) -> Verdict:
    """The verdict, which says "better" only where fresh seeds show it.

    A comparison is that of ``paired_difference``: "better" where the 95 % interval lies above zero. The second one, with
    the best known loss, claims something only where the first did. In that order both claims together are wrong in at most
    5 % of all searches, without a correction: a fixed sequence of tests; "better than both" is an intersection-union test.

    Args:
        history: All trials.
        ranking: The best found trials, best first.
        lengths: The stages of the funnel that have begun; None for a search without one.
        sign: 1 where higher values of the metric are better, else -1.
    """
    if not ranking:
        return Verdict('nothing', _without_score(history))
    if lengths is not None:
        return _of_funnel(history, lengths, sign)
    confirmation = confirmation_of(history)
    return _unconfirmed(history, ranking[0]) if confirmation is None else _confirmed(confirmation)


def _without_score(history: History) -> str:
    """Why no searched loss has a score."""
    twins = [trial.twin for trial in history.of_role(Role.SEARCH) if trial.twin is not None]
    if history.of_role(Role.LEG) and twins:
        return f'The relay ends with the same losses as those of trial {twins[-1]}: nothing new was found.'
    searched = history.of_role(Role.SEARCH)
    settled = [trial for trial in searched if trial.state is not State.RUNNING]
    if not searched:
        return 'No searched loss has been trained.'
    if len(settled) < len(searched):
        return 'No searched loss has a score yet.'
    return f'No searched loss could be scored: none of {len(settled)} was trained to its end.'


def _of_funnel(history: History, lengths: Sequence[Length], sign: int) -> Verdict:
    """The verdict on the loss that holds at each length of a funnel."""
    if not lengths or not lengths[-1].last:
        return Verdict(
            'unknown', 'Which found losses hold in longer trainings is not known yet: the funnel is not over.'
        )
    last = lengths[-1]
    if not last.held:
        return Verdict('nothing', _fallen(last, sign))
    confirmation = confirmation_of(history)
    if confirmation and (confirmation.winner.trial.number, confirmation.winner.times) == (last.held[0], last.times):
        return _confirmed(confirmation)
    return _held(last, sign)


def _fallen(last: Length, sign: int) -> str:
    rival, found = last.best(HAND_MADE, 'known', sign=sign), last.best('found', sign=sign)
    best = f'the best found, trial {found.trial}, {found.mean:.4f}' if found else 'no found one has a score'
    return f'No found loss holds at {last.times:g}x: {_scored(rival)}, {best}.'


def _held(last: Length, sign: int) -> Verdict:
    """The verdict by scores that chose, which is none."""
    winner, hand_made = last.of_trial(last.held[0]), last.best(HAND_MADE)
    rival = last.best(HAND_MADE, 'known', sign=sign)
    text = (
        f'Not confirmed: trial {winner.trial} holds at {last.times:g}x with {winner.mean:.4f}; of the others, '
        f'{_scored(rival)}. But it was chosen by these scores, which are too high on average. {_REMEDY}'
    )
    means = [each.mean for each in (winner, hand_made) if each and each.mean is not None]
    return Verdict('unconfirmed', text, sign * (means[0] - means[1]) if len(means) == 2 else None)


def _scored(rival: LengthScore | None) -> str:
    return f'{rival.losses} scores {rival.mean:.4f}' if rival else 'no other has a score'


def _unconfirmed(history: History, best: Trial) -> Verdict:
    baseline, scores = history.baseline_scores(), history.scores_of(best.number)
    if not baseline:
        return Verdict('unconfirmed', f'Not confirmed: the hand-made losses have no score. {_REMEDY}')
    gain = mean(scores) - mean(baseline)
    if history.of_role(Role.LEG):
        text = f'Not confirmed: the losses that the relay ends with score {_more(gain)} the hand-made ones. {_REMEDY}'
        return Verdict('unconfirmed', text, gain)
    text = (
        f'Not confirmed: the best found losses score {_more(gain)} the hand-made ones, but they were chosen by these '
        f'scores, which are too high on average. {_REMEDY}'
    )
    return Verdict('unconfirmed', text, gain)


def _confirmed(confirmation: Confirmation) -> Verdict:
    winner, hand_made = confirmation.winner, confirmation.hand_made
    if winner.failed:
        failed, all_ = winner.failed, winner.failed + len(winner.scores)
        text = (
            f'No verdict: {failed} of {all_} trainings of the best found losses with fresh seeds failed. To leave them out '
            'would favour these losses, which cannot be relied on.'
        )
        return Verdict('unknown', text)
    difference = _difference(winner, hand_made)
    if difference is None:
        common = len(winner.scores.keys() & hand_made.scores.keys()) if hand_made else 0
        text = (
            f'No verdict: the best found and the hand-made losses have {common} fresh seeds in common, and fewer than '
            f'{LEAST_SEEDS} give no interval.'
        )
        return Verdict('unknown', text)
    word = {'no difference': 'even'}.get(difference.word(), difference.word())
    rival, over_rival, words = _over_rival(confirmation, word)
    text = ' '.join(filter(None, [_words(word, difference, winner.times), words]))
    return Verdict(word, text, difference.mean, difference.low, difference.high, rival, over_rival)


def _words(word: str, difference: Difference, times: float) -> str:
    length = f' in trainings {times:g} times as long' if times != 1 else ''
    numbers = f'{_interval(difference)} over {difference.seeds} fresh seeds, which have chosen nothing'
    if word == 'even':
        return (
            f'The best found losses are not shown to differ from the hand-made ones{length}: {numbers}. Longer trainings, '
            'more scoring images or more budget.confirm_seeds make the interval narrower.'
        )
    return f'The best found losses are {word} than the hand-made ones{length}: {numbers}.'


def _over_rival(confirmation: Confirmation, word: str) -> tuple[str, str, str]:
    """The label of the best known loss, the word of its comparison, and the sentence."""
    rival = confirmation.rival
    if rival is None:
        return '', '', ''
    label, difference = label_of(rival.trial), _difference(confirmation.winner, rival)
    if difference is None:
        return label, 'unknown', f'With the best known loss, {label}, too few fresh seeds are in common to compare.'
    against, numbers = difference.word(), _interval(difference)
    if against == 'worse':
        return label, 'worse', f'The best known loss, {label}, is better than they are: {numbers} for theirs.'
    if against == 'better' and word == 'better':
        return label, 'better', f'They are also better than the best known loss, {label}: {numbers}.'
    shown = '' if against == 'better' else 'They are not shown to differ from it. '
    return label, 'even', f'Against the best known loss, {label}: {numbers}. {shown}'.rstrip()


def _difference(winner: Fresh, other: Fresh | None) -> Difference | None:
    return paired_difference(winner.scores, other.scores) if other else None


def _interval(difference: Difference) -> str:
    return f'{difference.mean:+.4f} (95 % interval {difference.low:+.4f} to {difference.high:+.4f})'


def _more(gain: float) -> str:
    amount = f'{abs(gain):.4f}'
    return 'the same as' if not float(amount) else f'{amount} {"better" if gain > 0 else "worse"} than'
