"""The tables that a search prints at its end with --verbose: fresh seeds, those that chose, and longer trainings."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from rich.markup import escape
from rich.table import Table

from mmautoloss.report.confirmation import Confirmation
from mmautoloss.report.facts.lengths import by_length, length_scores
from mmautoloss.report.labels import HAND_MADE, label_of
from mmautoloss.report.lengths import Length
from mmautoloss.report.statistics import spread
from mmautoloss.report.tasks import hand_made_scores
from mmautoloss.trial import History, Role, Scale, Trial


def fresh_table(confirmation: Confirmation, scale: Scale) -> Table:
    """Mean, spread and number of the fresh seeds of the losses that the verdict compares."""
    times = confirmation.winner.times
    length = f' at {times:g}x' if times != 1 else ''
    table = _new_table(f'{scale.metric}{length} with fresh seeds, which chose nothing')
    hand_made = confirmation.hand_made.scores.values() if confirmation.hand_made else ()
    table.add_row('hand-made losses', *_numbers(list(hand_made), scale), style='bold')
    rival, winner = confirmation.rival, confirmation.winner
    if rival is not None:
        title = f'best known loss, {label_of(rival.trial)}'
        table.add_row(*_row(title, rival.trial, list(rival.scores.values()), scale))
    title = f'best found, trial {winner.trial.number}'
    table.add_row(*_row(title, winner.trial, list(winner.scores.values()), scale))
    return table


def choosing_table(history: History, ranking: Sequence[Trial], scale: Scale) -> Table:
    """The same of the seeds by which losses were chosen."""
    table = _new_table(f'{scale.metric} by which losses were chosen, too high on average for those found')
    table.add_row('hand-made losses', *_numbers(hand_made_scores(history), scale), style='bold')
    ranked = {trial.number for trial in ranking}
    seeds = [trial for trial in history.of_role(Role.KNOWN) if trial.number not in ranked]
    for kind, trials in (('', ranking), ('seed, ', seeds)):
        for trial in trials:
            title = f'{kind}trial {trial.number}'
            table.add_row(*_row(title, trial, history.scores_of(trial.number), scale))
    return table


def lengths_table(lengths: Sequence[Length], history: History, scale: Scale) -> Table:
    """The scores by length of the training."""
    scores = by_length(length_scores(lengths, history, scale))
    table = Table(title=f'{scale.metric} in longer trainings', title_justify='left')
    for column in scores.columns:
        table.add_column(column, justify='right' if column.endswith('x') else 'left', overflow='fold')
    for row in scores.rows:
        table.add_row(*map(str, row), style='bold' if row[1] == HAND_MADE else None)
    return table


def _row(title: str, trial: Trial, scores: Sequence[float], scale: Scale) -> tuple[str, ...]:
    lines = [title, *(f'  {name}: {tree}' for name, tree in trial.required_genome.items())]
    return escape('\n'.join(lines)), *_numbers(scores, scale)


def _numbers(scores: Sequence[float], scale: Scale) -> tuple[str, str, str]:
    if not scores:
        return '-', '-', '0'
    return (
        f'{scale.sign * mean(scores):.4f}',
        f'{spread(scores):.4f}' if len(scores) > 1 else '-',
        str(len(scores)),
    )


def _new_table(title: str) -> Table:
    table = Table(title=title, title_justify='left')
    table.add_column('losses', justify='left', overflow='fold')
    for column in ('mean', 'spread', 'seeds'):
        table.add_column(column, justify='right', overflow='fold')
    return table
