"""What a person sees of a running search: a line a trial, a bar with the funnel, a table at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from mmautoloss.proxy import Branch
from mmautoloss.report.verdict import spread, verdict_of
from mmautoloss.screen import ACCEPTED, Calibration
from mmautoloss.search import Observer, Planner
from mmautoloss.trial import History, Role, State, Trial


class ConsoleObserver(Observer):
    """Prints a search; on a terminal with a live bar, else in plain lines.

    Args:
        branches: The searched losses.
        metric: Key of the monitored value.
        greater: Whether a higher value is better; scores are shown as the metric reports them.
        console: Where to print.
    """

    def __init__(
        self, branches: Sequence[Branch], metric: str, greater: bool = True, console: Console | None = None
    ) -> None:
        self.branches = branches
        self.metric = metric
        self.sign = 1 if greater else -1
        self.console = console or Console(highlight=False)
        self._progress: Progress | None = None
        self._best: float | None = None
        self._states: Counter[State] = Counter()  # of candidates; counted on, since histories grow long

    def say(self, text: str) -> None:
        """Prints a line."""
        self.console.print(f'[dim]{escape(text)}[/dim]', soft_wrap=True)

    def calibrated(self, found: Mapping[str, Calibration], eta: float) -> None:
        """Prints the gains of the losses whose worth is known."""
        for name, c in found.items():
            self.say(
                f'calibration {name}: hand-made {c.hand_made:.2f}, negated {c.negated:.2f}, '
                f'constant {c.constant:.2f} (bar {eta})'
            )

    def begin(self, history: History, planner: Planner) -> None:
        """Starts the bar."""
        total = planner.settings.budget.max_trials
        self._progress = Progress(
            TextColumn('[bold]search'),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn('left'),
            TimeRemainingColumn(),
            TextColumn('{task.fields[funnel]}'),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._progress.start()
        self._task = self._progress.add_task('search', total=total, funnel='')
        for trial in history.settled():
            self._count(trial)
        if history.settled():
            self.say(f'continued: {len(history.settled())} trials are settled, {len(history.running())} begin again')

    def settled(self, trial: Trial, history: History) -> None:
        """Prints a line for a trial and moves the bar."""
        self._count(trial)
        self._print(self._line(trial))
        if self._progress and self.console.is_terminal:
            done = sum(self._states[state] for state in (State.COMPLETE, State.STOPPED, State.FAILED))
            self._progress.update(self._task, completed=done, funnel=self._funnel_text(history))

    def end(self, history: History) -> None:
        """Stops the bar and prints the funnel."""
        if self._progress:
            self._progress.stop()
            self._progress = None
        self.say(self._funnel_text(history))
        for reason, count in history.funnel().most_common():
            self.say(f'  {count:8d} {reason}')

    def table(self, history: History, ranking: Sequence[Trial], path: Path | None) -> None:
        """Prints baseline and best losses with mean, spread and number of seeds."""
        table = Table(title=f'{self.metric}, mean and spread over seeds', title_justify='left')
        for column, justify in (('losses', 'left'), ('mean', 'right'), ('spread', 'right'), ('seeds', 'right')):
            table.add_column(column, justify=justify, overflow='fold')
        table.add_row('hand-made losses', *self._numbers(history.baseline_scores()), style='bold')
        for trial in ranking:
            lines = [f'trial {trial.number}', *(f'  {name}: {tree}' for name, tree in trial.genome.items())]
            table.add_row(escape('\n'.join(lines)), *self._numbers(history.scores_of(trial.number)))
        ranked = {trial.number for trial in ranking}
        for trial in history.of_role(Role.KNOWN):
            if trial.number not in ranked:
                lines = [f'seed, trial {trial.number}', *(f'  {name}: {tree}' for name, tree in trial.genome.items())]
                table.add_row(escape('\n'.join(lines)), *self._numbers(history.scores_of(trial.number)))
        self.console.print(table)
        self._tell_stopped(history)
        self.console.print(escape(verdict_of(history, ranking).text))
        if path:
            self.console.print(f'The best losses, ready to train: {escape(str(path))}')

    def _tell_stopped(self, history: History) -> None:
        candidates = history.of_role(Role.SEARCH)
        stopped = [trial for trial in candidates if trial.state is State.STOPPED and not trial.was_spared]
        unscored = sum(trial.outcome.rung is None for trial in stopped)
        if stopped:
            self.console.print(
                f'{len(stopped)} of {history.n_proxies()} candidates were stopped at the rung'
                + f', {unscored} of them without a score there' * bool(unscored)
                + '.'
            )

    def _count(self, trial: Trial) -> None:
        if trial.role in (Role.KNOWN, Role.SEARCH):
            self._states[trial.state] += 1
            if trial.score is not None and (self._best is None or trial.score > self._best):
                self._best = trial.score

    def _funnel_text(self, history: History) -> str:
        funnel = history.funnel()
        explored, accepted = sum(funnel.values()), funnel[ACCEPTED]
        return (
            f'{explored} explored, {explored - accepted} rejected, {self._states[State.EQUIVALENT]} equivalent, '
            f'{self._states[State.COMPLETE]} trained, '
            + f'{self._states[State.STOPPED]} stopped at the rung, ' * bool(self._states[State.STOPPED])
            + f'{self._states[State.FAILED]} failed'
        )

    def _line(self, trial: Trial) -> str:
        outcome = trial.outcome
        if trial.state is State.FAILED:
            result = f'[red]failed: {escape(_last_line(outcome.reason))}[/red]'
        elif trial.state is State.EQUIVALENT:
            result = f'[dim]{self.sign * trial.score:.4f} as {escape(outcome.reason)}[/dim]'
        elif trial.state is State.STOPPED:
            found = 'no score' if outcome.rung is None else f'{self.sign * outcome.rung:.4f}'
            why = f'as {outcome.reason}' if trial.was_spared else f'{outcome.seconds:5.1f} s'
            result = f'[yellow]stopped: {found} at the rung[/yellow] {escape(why)}'
        else:
            mark = 'bold green' if trial.role is Role.SEARCH and trial.score == self._best else 'default'
            result = f'[{mark}]{self.sign * trial.score:.4f}[/{mark}] {outcome.seconds:5.1f} s'
        origin = trial.origin if trial.parent is None else f'{trial.origin} of {trial.parent}'
        formulas = '' if trial.genome is None else '  '.join(f'{k}: {v}' for k, v in trial.genome.to_text().items())
        return f'{trial.number:4d} {trial.role.value:8s} {result}  [dim]{escape(origin)}[/dim]  {escape(formulas)}'

    def _print(self, markup: str) -> None:
        if self.console.is_terminal:
            self.console.print(markup, no_wrap=True, overflow='ellipsis')
        else:  # a log keeps the whole line
            self.console.print(markup, soft_wrap=True)

    def _numbers(self, scores: Sequence[float]) -> tuple[str, str, str]:
        if not scores:
            return '-', '-', '0'
        return (
            f'{self.sign * mean(scores):.4f}',
            f'{spread(scores):.4f}' if len(scores) > 1 else '-',
            str(len(scores)),
        )


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else 'no reason given'
