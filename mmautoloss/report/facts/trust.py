"""The limits of a result, as sentences for the reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mmautoloss.report.facts.progress import is_found
from mmautoloss.report.facts.table import Table
from mmautoloss.report.lengths import HAND_MADE, Length
from mmautoloss.report.status import Status
from mmautoloss.report.trunk_cost import trunk_cost_of
from mmautoloss.trial import History, Role, Scale, State, Trial

_MIN_SEEDS = 5
_MAX_FAILED_SHARE = 0.25


def doubts_of(
    status: Status, history: History, ranking: Sequence[Trial], summary: Table, describe: Mapping[str, str]
) -> tuple[str, ...]:
    """Sentences on the limits of the verdict, most important first.

    Args:
        status: Status of the search.
        history: All trials.
        ranking: The best doubts trials, best first.
        summary: Mean and spread by losses (``seeds.summary_of``).
        describe: ``split`` and the like from the search config.
    """
    scale = Scale(status.metric, status.greater)
    rows = {row['losses']: row for row in summary.to_json()}
    baseline, best = rows.get(HAND_MADE), rows.get(f'trial {ranking[0].number}') if ranking else None
    doubts = [*_unfinished(status)]
    if status.lengths:
        doubts += _funnel(status.lengths)
    else:
        doubts += [*_choice(best, baseline, history), *_known(best, rows.values(), scale), *_seeds(best, baseline)]
    doubts += [*_failed(history), *_trunk(history, scale)]
    split = describe.get('split')
    scored = f'the split {split!r}' if split else 'a held-out part of the training data'
    doubts.append(
        f'All scores are of {scored}, after {_trainings(status.lengths)}. Whether the losses are better on images that '
        'no search has seen, tools/compare.py measures.'
    )
    return tuple(doubts)


def _unfinished(status: Status) -> Iterator[str]:
    if status.state == 'unknown':
        yield 'Whether the search is over is not known, since its journal is an old one.'
    elif status.state != 'finished':
        yield f'The search is not over (state: {status.state}): all this may change.'


def _choice(best: Mapping | None, baseline: Mapping | None, history: History) -> Iterator[str]:
    if best is None:
        return
    count = sum(map(is_found, history.of_role(Role.SEARCH)))
    chosen = f'The best losses were chosen among {count} trained candidates by a single score'
    if not best['new_seeds']:
        yield f'{chosen}, and have no other: the best of many single scores is too high on average.'
        return
    beside = f', beside {baseline["mean"]:.4f} of the hand-made ones' if baseline else ''
    yield (
        f'{chosen}, which is too high on average and counts in their mean of {best["mean"]:.4f}. '
        f'{_plural(best["new_seeds"], "new seed")} alone: {best["new_mean"]:.4f}{beside}.'
    )


def _known(best: Mapping | None, rows: Iterable[Mapping], scale: Scale) -> Iterator[str]:
    known = [row for row in rows if row['kind'] == 'known']
    top = max(known, key=lambda row: scale.sign * row['mean'], default=None)
    if best and top and scale.sign * top['mean'] > scale.sign * best['mean']:
        yield (
            f'A known loss scored better than the best found: {top["losses"]}, {top["mean"]:.4f} '
            f'({_plural(top["seeds"], "seed")}).'
        )


def _funnel(lengths: Sequence[Length]) -> Iterator[str]:
    last = lengths[-1]
    seeds = max((len(each.scores) for each in last.scores), default=0)
    if last.held:
        yield (
            f'{_plural(len(lengths[0].scores), "loss", "losses")} began the longer trainings; the mean at {last.times:g}x, '
            'by which the last ones were chosen, is too high on average.'
        )
    if seeds < _MIN_SEEDS:
        yield f'A mean of {_plural(seeds, "seed")} is a rough one; the stages of budget.funnel may have more.'


def _trainings(lengths: Sequence[Length]) -> str:
    if not lengths:
        return 'the short trainings of a search'
    return f'trainings of at most {lengths[-1].times:g} times the length of those in the search'


def _seeds(best: Mapping | None, baseline: Mapping | None) -> Iterator[str]:
    counts = [row['seeds'] for row in (best, baseline) if row]
    if counts and min(counts) < _MIN_SEEDS:
        yield (
            f'A spread over {_plural(min(counts), "seed")} is a rough one; budget.finalist_repeats and '
            'budget.baseline_repeats give more.'
        )


def _failed(history: History) -> Iterator[str]:
    trained = [t for t in history.of_role(Role.SEARCH) if t.state is not State.RUNNING and not t.was_spared]
    failed = sum(trial.state is State.FAILED for trial in trained)
    if trained and failed / len(trained) > _MAX_FAILED_SHARE:
        yield f'{failed} of {len(trained)} trained candidates failed; the reasons stand below.'


def _trunk(history: History, scale: Scale) -> Iterator[str]:
    cost = trunk_cost_of(history, scale)
    if cost and cost.is_clear:
        yield cost.text


def _plural(count: int, noun: str, plural: str = '') -> str:
    return f'{count} {noun if count == 1 else plural or noun + "s"}'
