"""Console output of a running search: a line for each trial, the status, a table at the end."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmautoloss.branches import Branch
from mmautoloss.report.confirmation import Confirmation, confirmation_of
from mmautoloss.report.facts.lengths import by_length, length_scores
from mmautoloss.report.labels import HAND_MADE, label_of
from mmautoloss.report.lengths import Length, lengths_of
from mmautoloss.report.live.watch import Watch
from mmautoloss.report.relay import relay_text
from mmautoloss.report.statistics import spread
from mmautoloss.report.tasks import hand_made_scores, is_measured, task_scales, task_values
from mmautoloss.report.trunk_cost import trunk_cost_of
from mmautoloss.report.verdict import verdict_of
from mmautoloss.report.words import last_line
from mmautoloss.screen import Calibration
from mmautoloss.search import Observer, Planner
from mmautoloss.trial import History, Record, Role, Scale, State, Trial, log_name


class ConsoleObserver(Observer):
    """Prints the progress of a search: with a live footer on a terminal, otherwise with occasional summaries.

    Args:
        branches: The searched losses.
        metric: Key of the monitored value.
        greater: Whether a higher value is better; scores are shown as the metric reports them.
        console: Console to print on.
        work_dir: Work dir of the search, with the logs of failed trials.
        record: The content of its journal, for the expected end.
    """

    def __init__(
        self,
        branches: Sequence[Branch],
        metric: str,
        greater: bool = True,
        console: Console | None = None,
        work_dir: Path | None = None,
        record: Record | None = None,
    ) -> None:
        self.branches = branches
        self.metric = metric
        self.sign = 1 if greater else -1
        # the present stdout, since it is redirected to the log of a trial during its evaluation
        self.console = console or Console(highlight=False, file=sys.stdout)
        self.work_dir = work_dir
        self._record = record
        self._leak_printed = False
        self._seeds: int | None = None  # of the hand-made losses, until the cost of a trunk is printed
        self._watch = Watch(self.console, greater, record)

    def say(self, text: str) -> None:
        """Prints a line."""
        self.console.print(f'[dim]{escape(text)}[/dim]', soft_wrap=True)

    def calibrated(self, found: Mapping[str, Calibration], eta: float) -> None:
        """Prints the gains of the calibration losses."""
        for name, c in found.items():
            self.say(
                f'calibration {name}: hand-made {c.hand_made:.2f}, negated {c.negated:.2f}, '
                f'constant {c.constant:.2f} (bar {eta})'
            )

    def begin(self, history: History, planner: Planner) -> None:
        """Starts the display of the progress."""
        self._seeds = planner.settings.budget.baseline_repeats + 1 if planner.settings.plain else None
        if history.settled():
            self.say(f'continued: {len(history.settled())} trials are settled, {len(history.running())} begin again')
        self._watch.begin(history, planner)

    def proposed(self, trial: Trial, history: History) -> None:
        """Adds a trial that begins to the display."""
        self._watch.proposed(trial, history)

    def settled(self, trial: Trial, history: History) -> None:
        """Prints a line for a trial."""
        self._print(self._line(trial, history))
        self._print_leak(trial)
        self._print_trunk_cost(history)
        self._watch.settled(trial, history)

    def beat(self, history: History) -> None:
        """Prints a summary if it is due."""
        self._watch.beat(history)

    def retired(self, line: str) -> None:
        """Prints that a worker is no longer used."""
        self.console.print(f'[yellow]{escape(line)}[/yellow]', soft_wrap=True)

    def end(self, history: History) -> None:
        """Prints the funnel."""
        self._watch.end(history)
        self.say(self._watch.funnel(history))
        for reason, count in history.funnel().most_common():
            self.say(f'  {count:8d} {reason}')

    def table(
        self,
        history: History,
        ranking: Sequence[Trial],
        path: Path | None,
        budget: Mapping[str, Any] | None = None,
        others: Sequence[Path] = (),
    ) -> None:
        """Prints mean, spread and number of seeds: of fresh ones, of those by which losses were chosen, and by length.

        Args:
            history: All trials.
            ranking: The best found losses, best first.
            path: The config with the best; None if there is none.
            budget: Limits of the search, as its journal has them.
            others: The configs of further tasks.
        """
        confirmation = confirmation_of(history)
        if confirmation is not None:
            self.console.print(self._fresh_table(confirmation))
        self.console.print(self._choosing_table(history, ranking))
        self._print_stopped(history)
        scale = Scale(self.metric, self.sign > 0)
        lengths = lengths_of(history, budget or {}, scale)
        self._print_lengths(lengths, history, scale)
        funnel = (budget or {}).get('funnel')
        verdict = verdict_of(history, ranking, lengths if funnel else None, self.sign)
        self.console.print(escape(verdict.text))
        relay = relay_text(history, self._record.header, scale) if self._record else ''
        if relay:
            self.console.print(escape(relay))
        if path:
            which = 'The best losses of the short trainings' if _fell(lengths) else 'The best losses, ready to train'
            self.console.print(f'{which}: {escape(", ".join(map(str, (path, *others))))}')

    def _print_lengths(self, lengths: Sequence[Length], history: History, scale: Scale) -> None:
        if not lengths:
            return
        scores = by_length(length_scores(lengths, history, scale))
        table = Table(title=f'{self.metric} in longer trainings', title_justify='left')
        for column in scores.columns:
            table.add_column(column, justify='right' if column.endswith('x') else 'left', overflow='fold')
        for row in scores.rows:
            table.add_row(*map(str, row), style='bold' if row[1] == HAND_MADE else None)
        self.console.print(table)

    def _fresh_table(self, confirmation: Confirmation) -> Table:
        times = confirmation.winner.times
        length = f' at {times:g}x' if times != 1 else ''
        table = _new_table(f'{self.metric}{length} with fresh seeds, which chose nothing')
        hand_made = confirmation.hand_made.scores.values() if confirmation.hand_made else ()
        table.add_row('hand-made losses', *self._numbers(list(hand_made)), style='bold')
        rival, winner = confirmation.rival, confirmation.winner
        if rival is not None:
            title = f'best known loss, {label_of(rival.trial)}'
            table.add_row(*self._row(title, rival.trial, list(rival.scores.values())))
        title = f'best found, trial {winner.trial.number}'
        table.add_row(*self._row(title, winner.trial, list(winner.scores.values())))
        return table

    def _choosing_table(self, history: History, ranking: Sequence[Trial]) -> Table:
        table = _new_table(f'{self.metric} by which losses were chosen, too high on average for those found')
        table.add_row('hand-made losses', *self._numbers(hand_made_scores(history)), style='bold')
        ranked = {trial.number for trial in ranking}
        seeds = [trial for trial in history.of_role(Role.KNOWN) if trial.number not in ranked]
        for kind, trials in (('', ranking), ('seed, ', seeds)):
            for trial in trials:
                title = f'{kind}trial {trial.number}'
                table.add_row(*self._row(title, trial, history.scores_of(trial.number)))
        return table

    def _row(self, title: str, trial: Trial, scores: Sequence[float]) -> tuple[str, ...]:
        lines = [title, *(f'  {name}: {tree}' for name, tree in trial.required_genome.items())]
        return escape('\n'.join(lines)), *self._numbers(scores)

    def _print_stopped(self, history: History) -> None:
        candidates = history.of_role(Role.SEARCH)
        stopped = [trial for trial in candidates if trial.state is State.STOPPED and not trial.was_spared]
        unscored = sum(trial.required_outcome.rung is None for trial in stopped)
        if stopped:
            self.console.print(
                f'{len(stopped)} of {history.n_proxies()} candidates were stopped at the rung'
                + f', {unscored} of them without a score there' * bool(unscored)
                + '.'
            )

    def _print_leak(self, trial: Trial) -> None:
        """Prints the leak once, since every training process reports it."""
        leak = trial.required_outcome.leak
        if leak and not self._leak_printed:
            self._leak_printed = True
            text = f'[yellow]trial {trial.number}: {escape(leak)}[/yellow]'
            self.console.print(text, soft_wrap=True)  # the whole text, also on a terminal

    def _print_trunk_cost(self, history: History) -> None:
        """Prints once what a trunk costs the hand-made losses."""
        cost = self._seeds and trunk_cost_of(history, Scale(self.metric, self.sign > 0), self._seeds)
        if cost:
            self._seeds = None
            text = escape(cost.text)
            self.console.print(f'[yellow]{text}[/yellow]' if cost.is_clear else f'[dim]{text}[/dim]', soft_wrap=True)

    def _line(self, trial: Trial, history: History) -> str:
        outcome = trial.required_outcome
        if trial.state is State.FAILED and trial.was_spared:
            result = f'[dim]failed as {escape(outcome.reason)}[/dim]'
        elif trial.state is State.FAILED:
            reason = last_line(outcome.reason) or 'no reason given'
            result = f'[red]failed{self._log_of(trial)}: {escape(reason)}[/red]'
        elif trial.state is State.EQUIVALENT:
            result = f'[dim]{self.sign * trial.required_score:.4f} as {escape(outcome.reason)}[/dim]'
        elif trial.state is State.STOPPED:
            score = 'no score' if outcome.rung is None else f'{self.sign * outcome.rung:.4f}'
            detail = f'as {outcome.reason}' if trial.was_spared else f'{outcome.seconds:5.1f} s'
            result = f'[yellow]stopped: {score} at the rung[/yellow] {escape(detail)}'
        else:
            style = 'bold green' if _leads(trial, history) else 'default'
            score = f'{self.sign * trial.required_score:.4f}' if is_measured(trial) else 'hand-made'
            result = f'[{style}]{score}[/{style}] {outcome.seconds:5.1f} s{self._values(trial)}'
        origin = trial.origin if trial.parent is None else f'{trial.origin} of {trial.parent}'
        formulas = '' if trial.genome is None else '  '.join(f'{k}: {v}' for k, v in trial.genome.to_text().items())
        word = f'{trial.times:g}x' if trial.role is Role.LONGER else trial.role.value
        return f'{trial.number:4d} {word:8s} {result}  [dim]{escape(origin)}[/dim]  {escape(formulas)}'

    def _values(self, trial: Trial) -> str:
        """The values by task."""
        scales = task_scales(self._record.header) if self._record else {}
        shown = [f'{task} {value:.4f}' for task, value in task_values(trial, scales).items() if value is not None]
        return escape(f' ({", ".join(shown)})') if shown else ''

    def _log_of(self, trial: Trial) -> str:
        name = log_name(trial.number)
        return f' ({name})' if self.work_dir and (self.work_dir / name).exists() else ''

    def _print(self, markup: str) -> None:
        if self.console.is_terminal:
            self.console.print(markup, no_wrap=True, overflow='ellipsis')
        else:  # a log gets the whole line
            self.console.print(markup, soft_wrap=True)

    def _numbers(self, scores: Sequence[float]) -> tuple[str, str, str]:
        if not scores:
            return '-', '-', '0'
        return (
            f'{self.sign * mean(scores):.4f}',
            f'{spread(scores):.4f}' if len(scores) > 1 else '-',
            str(len(scores)),
        )


def _leads(trial: Trial, history: History) -> bool:
    """Whether a training is one of the best candidate so far, found or known, and this one was found."""
    if trial.role is not Role.SEARCH:
        return False
    number = trial.number if trial.repeats is None else trial.repeats
    best = [*history.best_found(1), *history.best_known(1)]
    return history.estimate(number) == max(history.estimate(each.number) for each in best)


def _fell(lengths: Sequence[Length]) -> bool:
    """Whether the funnel is over and no found loss holds."""
    return bool(lengths) and lengths[-1].last and not lengths[-1].held


def _new_table(title: str) -> Table:
    table = Table(title=title, title_justify='left')
    table.add_column('losses', justify='left', overflow='fold')
    for column in ('mean', 'spread', 'seeds'):
        table.add_column(column, justify='right', overflow='fold')
    return table
