"""The limits of a result, as sentences for the reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mmautoloss.report.facts.progress import is_found
from mmautoloss.report.facts.table import Table
from mmautoloss.report.labels import HAND_MADE
from mmautoloss.report.lengths import Length
from mmautoloss.report.status import Status
from mmautoloss.report.trunk_cost import trunk_cost_of
from mmautoloss.search import LEAST_SEEDS
from mmautoloss.trial import History, Role, Scale, State, Trial

_MAX_FAILED_SHARE = 0.25

_FEW = 5
"""Trainings by which a standard deviation is known to a third at best."""


def doubts_of(
    status: Status, history: History, ranking: Sequence[Trial], summary: Table, describe: Mapping[str, str]
) -> tuple[str, ...]:
    """Sentences on the limits of the verdict, most important first.

    Args:
        status: Status of the search.
        history: All trials.
        ranking: The best found trials, best first.
        summary: Mean and spread by losses (``seeds.summary_of``).
        describe: ``split`` and the like from the search config.
    """
    scale = Scale(status.metric, status.greater)
    rows = {row['losses']: row for row in summary.to_json()}
    baseline, best = rows.get(HAND_MADE), rows.get(f'trial {ranking[0].number}') if ranking else None
    doubts = [*filter(None, [status.learning]), *_unfinished(status)]
    if not status.lengths:
        doubts += [*_choice(best, history), *_winners(history), *_known(best, rows.values(), scale)]
        doubts += _seeds(best, baseline)
    else:
        doubts += [*_funnel(status), *_winners(history)]
    doubts += [*_failed(history), *_trunk(history, scale)]
    split = describe.get('split')
    scored = f'the split {split!r}' if split else 'a held-out part of the training data'
    measures = 'only trainings of each task tell' if history.yardstick else 'python -m mmautoloss compare measures'
    trainings = 'parts of one training and whole ones' if history.of_role(Role.LEG) else _trainings(status.lengths)
    doubts.append(
        f'All scores are of {scored}, after {trainings}. Whether the losses are better on images that '
        f'no search has seen, {measures}.'
    )
    doubts += _yardstick(history)
    return tuple(doubts)


def _yardstick(history: History) -> Iterator[str]:
    fixed_by = sum(trial.yardstick is None for trial in history.of_role(Role.BASELINE))
    if history.yardstick and fixed_by <= _FEW:
        yield (
            f'A gain is in units of the noise of the hand-made losses, which {_plural(fixed_by, "training")} of each task '
            'know only roughly (budget.baseline_repeats): one task may count for more than another.'
        )


def _unfinished(status: Status) -> Iterator[str]:
    if status.state == 'unknown':
        yield 'Whether the search is over is not known, since its journal is an old one.'
    elif status.state != 'finished':
        yield f'The search is not over (state: {status.state}): all this may change.'


def _choice(best: Mapping | None, history: History) -> Iterator[str]:
    if best is None or history.of_role(Role.LEG):  # a relay ends with one loss, and chooses networks by scores
        return
    count = sum(map(is_found, history.of_role(Role.SEARCH)))
    chosen = f'The best losses were chosen among {count} trained candidates by {_plural(best["seeds"], "score")}'
    if best['fresh_seeds']:
        yield f'{chosen} with a mean of {best["mean"]:.4f}, which is too high on average and no part of the verdict.'
    else:
        yield f'{chosen}, and have no other: the best of many scores is too high on average (budget.confirm_seeds).'


def _winners(history: History) -> Iterator[str]:
    numbers = {trial.number for trial in history.of_role(Role.SEARCH)}
    winners = {trial.repeats for trial in history.of_role(Role.CONFIRM)} & numbers
    if len(winners) > 1:
        yield (
            f'The search went on after a verdict: {len(winners)} winners were trained with fresh seeds. The more are tried, '
            'the likelier one of them is better by chance.'
        )


def _known(best: Mapping | None, rows: Iterable[Mapping], scale: Scale) -> Iterator[str]:
    if best and best['fresh_seeds']:  # the verdict compares with the best known loss
        return
    known = [row for row in rows if row['kind'] == 'known']
    top = max(known, key=lambda row: scale.sign * row['mean'], default=None)
    if best and top and scale.sign * top['mean'] > scale.sign * best['mean']:
        yield (
            f'A known loss scored better than the best found: {top["losses"]}, {top["mean"]:.4f} '
            f'({_plural(top["seeds"], "seed")}).'
        )


def _funnel(status: Status) -> Iterator[str]:
    first, last = status.lengths[0], status.lengths[-1]
    if not last.held:
        return
    chosen = (
        f'{_plural(len(first.scores), "loss", "losses")} began the longer trainings; the mean at {last.times:g}x, '
        'by which the last ones were chosen, is too high on average'
    )
    confirmed = status.fresh.winner is not None and status.fresh.winner.trial == last.held[0]
    yield f'{chosen} and no part of the verdict.' if confirmed else f'{chosen} (budget.confirm_seeds).'


def _trainings(lengths: Sequence[Length]) -> str:
    if not lengths:
        return 'the short trainings of a search'
    return f'trainings of at most {lengths[-1].times:g} times the length of those in the search'


def _seeds(best: Mapping | None, baseline: Mapping | None) -> Iterator[str]:
    fresh = 'fresh_' if best and best['fresh_seeds'] else ''
    counts = [row[f'{fresh}seeds'] for row in (best, baseline) if row]
    if counts and min(counts) < LEAST_SEEDS:
        yield f'A spread over {_plural(min(counts), "seed")} is a rough one; budget.confirm_seeds gives more.'


def _failed(history: History) -> Iterator[str]:
    trained = [t for t in history.of_role(Role.SEARCH, Role.LEG) if t.state is not State.RUNNING and not t.was_spared]
    failed = sum(trial.state is State.FAILED for trial in trained)
    if trained and failed / len(trained) > _MAX_FAILED_SHARE:
        yield f'{failed} of {len(trained)} trained candidates failed; the reasons stand below.'


def _trunk(history: History, scale: Scale) -> Iterator[str]:
    cost = trunk_cost_of(history, scale)
    if cost and cost.is_clear:
        yield cost.text


def _plural(count: int, noun: str, plural: str = '') -> str:
    return f'{count} {noun if count == 1 else plural or noun + "s"}'
