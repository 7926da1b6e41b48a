"""Console output of a running search: a line for each trial, the status, a table at the end."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from mmautoloss.branches import Branch
from mmautoloss.report.confirmation import confirmation_of
from mmautoloss.report.learning import learning_text
from mmautoloss.report.lengths import Length, lengths_of
from mmautoloss.report.live.ending import Ending, Paths
from mmautoloss.report.live.full_lines import full_line, leads
from mmautoloss.report.live.short_lines import short_line
from mmautoloss.report.live.tables import choosing_table, fresh_table, lengths_table
from mmautoloss.report.live.watch import LOG_WIDTH, Watch
from mmautoloss.report.relay import relay_text
from mmautoloss.report.tasks import task_scales
from mmautoloss.report.trunk_cost import trunk_cost_of
from mmautoloss.report.verdict import verdict_of
from mmautoloss.screen import Calibration
from mmautoloss.search import Observer, Planner
from mmautoloss.trial import History, Record, Role, Scale, State, Trial

_TITLE = 7
"""Columns of the titles of the last lines."""


class ConsoleObserver(Observer):
    """Prints the progress of a search: with a live footer on a terminal, otherwise with occasional summaries.

    Args:
        branches: The searched losses.
        metric: Key of the monitored value.
        greater: Whether a higher value is better; scores are shown as the metric reports them.
        console: Console to print on.
        work_dir: Work dir of the search, with the logs of failed trials.
        record: The content of its journal, for the expected end.
        verbose: Whether every trial is printed, as long as it is, and all scores at the end.
    """

    def __init__(
        self,
        branches: Sequence[Branch],
        metric: str,
        greater: bool = True,
        console: Console | None = None,
        work_dir: Path | None = None,
        record: Record | None = None,
        verbose: bool = False,
    ) -> None:
        self.branches = branches
        self.metric = metric
        self.sign = 1 if greater else -1
        # the present stdout, since it is redirected to the log of a trial during its evaluation
        self.console = console or Console(highlight=False, file=sys.stdout)
        self.work_dir = work_dir
        self._record = record
        self._verbose = verbose
        self._leak_printed = self._learning_told = False
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
        self._learning_told = bool(history.baseline_scores())
        if history.settled():
            self.say(f'continued: {len(history.settled())} trials are settled, {len(history.running())} begin again')
        self._watch.begin(history, planner)

    def proposed(self, trial: Trial, history: History) -> None:
        """Adds a trial that begins to the display."""
        self._watch.proposed(trial, history)

    def settled(self, trial: Trial, history: History) -> None:
        """Prints a line for a trial."""
        if self._verbose or not trial.was_spared:  # others are counted
            self.console.print(self._line(trial, history), soft_wrap=True)
        self._print_leak(trial)
        self._print_learning(trial)
        self._print_trunk_cost(history)
        self._watch.settled(trial, history)

    def beat(self, history: History) -> None:
        """Prints a summary if it is due."""
        self._watch.beat(history)

    def retired(self, line: str) -> None:
        """Prints that a worker is no longer used."""
        self.console.print(f'[yellow]{escape(line)}[/yellow]', soft_wrap=True)

    def end(self, history: History) -> None:
        """Prints the funnel; if verbose, with the verdicts of the screen."""
        self._watch.end(history)
        self.say(self._watch.funnel(history))
        for reason, count in history.funnel().most_common() if self._verbose else ():
            self.say(f'  {count:8d} {reason}')

    def table(
        self,
        history: History,
        ranking: Sequence[Trial],
        configs: Sequence[Path],
        budget: Mapping[str, Any] | None = None,
        stopped: bool = False,
        page: Path | None = None,
    ) -> None:
        """Prints what was found, by how much, how to use it and what to do next; before that, if verbose, all scores.

        Args:
            history: All trials.
            ranking: The best found losses, best first.
            configs: The configs with the best, one a task.
            budget: Limits of the search, as its journal has them.
            stopped: Whether the search ended before it was done.
            page: The page of the search; None if there is none.
        """
        confirmation, scale = confirmation_of(history), Scale(self.metric, self.sign > 0)
        lengths = lengths_of(history, budget or {}, scale)
        verdict = verdict_of(history, ranking, lengths if (budget or {}).get('funnel') else None, self.sign)
        if self._verbose:
            if confirmation is not None:
                self.console.print(fresh_table(confirmation, scale))
            self.console.print(choosing_table(history, ranking, scale))
            if lengths:
                self.console.print(lengths_table(lengths, history, scale))
            self.console.print(escape(verdict.text))
        relay = relay_text(history, self._record.header, scale) if self._record else ''
        if relay:
            self.console.print(escape(relay))
        self._print_stopped(history)
        best = ranking[0] if ranking else None
        paths = Paths(self.work_dir, tuple(configs), page)
        none = (budget or {}).get('max_trials') == 0
        late = (budget or {}).get('max_seconds') is not None and not history.of_role(Role.SEARCH)
        ending = Ending(verdict, confirmation, best, scale, paths, _fell(lengths), stopped, none, late)
        for title, text in ending.lines(self._width - _TITLE).items():
            self.console.print(Text.assemble((f'{title:{_TITLE}}', 'bold'), text), soft_wrap=True)

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

    def _print_learning(self, trial: Trial) -> None:
        """Prints once, after the first training of the hand-made losses, if it has learnt next to nothing."""
        if self._learning_told or self._record is None or trial.role is not Role.BASELINE or trial.score is None:
            return  # trial 0 may be a trunk, or have failed
        self._learning_told = True
        text = learning_text(self._record)
        if text:
            self.console.print(f'[yellow]{escape(text)}[/yellow]', soft_wrap=True)

    def _print_trunk_cost(self, history: History) -> None:
        """Prints once what a trunk costs the hand-made losses."""
        cost = self._seeds and trunk_cost_of(history, Scale(self.metric, self.sign > 0), self._seeds)
        if cost:
            self._seeds = None
            text = escape(cost.text)
            self.console.print(f'[yellow]{text}[/yellow]' if cost.is_clear else f'[dim]{text}[/dim]', soft_wrap=True)

    def _line(self, trial: Trial, history: History) -> Text:
        scales = task_scales(self._record.header) if self._record else {}
        if self._verbose:
            line = full_line(trial, leads(trial, history), self.sign, scales, self.work_dir)
            return Text.from_markup(line)
        return short_line(trial, history, self.sign, self._width, scales, self.work_dir)

    @property
    def _width(self) -> int:
        return self.console.width if self.console.is_terminal else LOG_WIDTH


def _fell(lengths: Sequence[Length]) -> bool:
    """Whether the funnel is over and no found loss holds."""
    return bool(lengths) and lengths[-1].last and not lengths[-1].held
