"""Progress of a search: a live footer on a terminal, occasional summaries in a log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live
from rich.markup import escape

from mmautoloss.report.live.footer import Footer, live_footer
from mmautoloss.report.live.standing import (
    Standing,
    doing_text,
    end_text,
    funnel_text,
    pace_text,
    scores_text,
    standing_of,
)
from mmautoloss.report.pace import Pace, pace_of
from mmautoloss.report.words import span
from mmautoloss.search import Budget, DrawProgress, Observer, Planner
from mmautoloss.trial import History, Record, Role, State, Trial

EVERY_TRIALS, EVERY_SECONDS = 10, 300.0
"""A log gets a summary after this many trainings, or after this many seconds without one."""

_CANDIDATES = (Role.KNOWN, Role.SEARCH, Role.LEG)
_PACE_SECONDS = 2.0
"""Minimum interval between two computations of the pace, which take longer in a longer search."""


class Watch(Observer):
    """Shows the state of a search, updated whenever a trial settles.

    Other threads only read this state and the start times of running trials, so no lock is needed.

    Args:
        console: Console to print on.
        greater: Whether a higher value of the metric is better.
        record: The content of the journal, for the pace; without it no pace is shown.
    """

    def __init__(self, console: Console, greater: bool = True, record: Record | None = None) -> None:
        self.console = console
        self._sign = 1 if greater else -1
        self._record = record
        self._states: Counter[State] = Counter()  # of candidates; counted here, since histories grow long
        self._running: dict[int, float] = {}
        self._standing = Standing()
        self._budget = Budget()
        self._drawing = DrawProgress()
        self._live: Live | None = None
        self._began: float | None = None  # monotonic time at which the elapsed search time was 0
        self._pace: tuple[float, Pace | None] = (float('-inf'), None)
        self._last_summary = (0, time.monotonic())  # number of trainings and time

    def begin(self, history: History, planner: Planner) -> None:
        """Shows the footer on a terminal that supports it."""
        self._drawing, self._budget = planner.drawing, planner.settings.budget
        self._began = time.monotonic() - (self._record.elapsed if self._record else 0.0)
        for trial in history.settled():
            self._count(trial)
        self._update(history)
        self._last_summary = (self._standing.trained, time.monotonic())
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._live = live_footer(self.console, Footer(self._read))
            self._live.start()

    def proposed(self, trial: Trial, history: History) -> None:
        """Records the start of a trial."""
        self._running[trial.number] = time.monotonic()

    def settled(self, trial: Trial, history: History) -> None:
        """Updates the state; prints a summary to a log if it is due."""
        self._running.pop(trial.number, None)
        self._count(trial)
        if self._began is not None:
            self._update(history)
            self._summarise(self._standing.trained >= self._last_summary[0] + EVERY_TRIALS)

    def beat(self, history: History) -> None:
        """Prints a summary to a log if the last one is old."""
        self._summarise(False)

    def end(self, history: History) -> None:
        """Removes the footer."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        self._began = None

    def funnel(self, history: History) -> str:
        """The outcomes of expressions and candidates."""
        return funnel_text(standing_of(history, self._budget, self._states, None, self._sign))

    def _count(self, trial: Trial) -> None:
        if trial.role in _CANDIDATES:
            self._states[trial.state] += 1

    def _update(self, history: History) -> None:
        now = time.monotonic()
        due = now - self._pace[0] > _PACE_SECONDS
        if self._record is not None and self._began is not None and due:
            self._pace = now, pace_of(self._record, now - self._began)
        self._standing = standing_of(history, self._budget, self._states, self._pace[1], self._sign)

    def _read(self) -> tuple[int, int, str, Iterator[str]]:
        """The content of the footer; called in the thread that draws it."""
        standing = self._standing
        elapsed = span(time.monotonic() - (self._began or time.monotonic()))
        lines = (
            scores_text(standing),
            funnel_text(standing),
            pace_text(standing, self._drawing) or 'speed not known yet',
            doing_text(standing, dict(self._running), self._drawing),
        )
        return standing.trained, standing.wanted, f'{elapsed}, {end_text(standing)}', iter(lines)

    def _summarise(self, due: bool) -> None:
        since = time.monotonic() - self._last_summary[1]
        if self._live is None and self._began is not None and (due or since >= EVERY_SECONDS):
            self._last_summary = self._standing.trained, time.monotonic()
            self.console.print(f'[dim]{escape(self._summary(time.monotonic() - self._began))}[/dim]', soft_wrap=True)

    def _summary(self, elapsed: float) -> str:
        standing = self._standing
        trained = f'{standing.trained} of {standing.wanted} candidates after {span(elapsed)}'
        parts = [trained, scores_text(standing), pace_text(standing, self._drawing), end_text(standing)]
        return '-- ' + '; '.join(filter(None, [*parts, doing_text(standing, dict(self._running), self._drawing)]))
