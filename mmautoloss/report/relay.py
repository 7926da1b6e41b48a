"""What a relay has come to: the network that it has trained, beside the hand-made losses."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean
from typing import Any

from mmautoloss.report.statistics import spread
from mmautoloss.search import relay_of
from mmautoloss.trial import History, Scale


def relay_text(history: History, header: Mapping[str, Any], scale: Scale) -> str:
    """The network of a relay in sentences; '' where there is no relay, or none of its generations has a score.

    Args:
        history: All trials.
        header: The first event of the journal.
        scale: The metric.
    """
    relay = relay_of(header)
    winners = [winner for winner in relay.winners(history) if winner] if relay else []
    saved = winners[-1].required_outcome.saved if winners else None
    if relay is None or saved is None:
        return ''
    score, hand_made = scale.shown(winners[-1].required_score), history.baseline_scores()
    beside = f'; hand-made losses {_scores(hand_made, scale)}' if hand_made else ''
    return (
        f'Relay, {len(relay.complete(history))} of {relay.generations} generations of {relay.candidates}: after '
        f'{saved.iterations} iterations its network scores {score:.4f} (relay/{saved.name}){beside}, trained from the '
        f'beginning to the end. The network is the best of {relay.candidates} in each generation by this very score, which '
        'is too high on average, and each step cost as many trainings: only images that have scored nothing compare it '
        'fairly. The verdict is on the losses that the relay ends with, trained from the beginning as well.'
    )


def _scores(scores: list[float], scale: Scale) -> str:
    noise = f' +- {spread(scores):.4f} ({len(scores)} seeds)' if len(scores) > 1 else ''
    return f'{scale.sign * mean(scores):.4f}{noise}'
