"""Progress of a search: a live footer on a terminal, occasional summaries in a log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.live import Live
from rich.markup import escape

from mmautoloss.report.live.columns import cut
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
from mmautoloss.trial import CANDIDATE_ROLES, History, Record, State, Trial

EVERY_TRIALS, EVERY_SECONDS = 10, 300.0
"""A log gets a summary after this many trainings, or after this many seconds without one."""

_MARK = '-- '
"""Start of a line that is of no trial."""

LOG_WIDTH = 120
"""Columns of a line where the output is no terminal."""

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
        self._announced = False
        self._last_summary = (0, time.monotonic())  # number of trainings and time

    def begin(self, history: History, planner: Planner) -> None:
        """Shows the footer on a terminal that supports it."""
        self._drawing, self._budget = planner.drawing, planner.settings.budget
        self._began = time.monotonic() - (self._record.elapsed if self._record else 0.0)
        for trial in history.settled():
            self._count(trial)
        self._announced = bool(history.settled())
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
            self._announce()
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
        if trial.role in CANDIDATE_ROLES:
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
            for line in _filled(self._summary(time.monotonic() - self._began)):
                self._say(line)

    def _announce(self) -> None:
        """Says how long the search will take, once the first training shows it."""
        standing, pace = self._standing, self._standing.pace
        if self._announced or pace is None or pace.left is None or standing.seconds_left is None:
            return
        self._announced = True
        others = sum(pace.left.values()) - pace.left['candidate']
        most = 'at most ' * (self._budget.max_seconds is not None)
        counts = f'candidates: {most}{standing.wanted}, other trainings to come: {others}'
        self._say(f'{end_text(standing)}, as the first training shows ({counts})')

    def _say(self, line: str) -> None:
        self.console.print(f'[dim]{escape(line)}[/dim]', soft_wrap=True)

    def _summary(self, elapsed: float) -> list[str]:
        standing = self._standing
        trained = f'{standing.trained} of {standing.wanted} candidates after {span(elapsed)}'
        parts = [trained, scores_text(standing)]
        parts += [funnel_text(standing) if standing.funnel else '', pace_text(standing, self._drawing)]
        return [*filter(None, parts), end_text(standing), doing_text(standing, dict(self._running), self._drawing)]


def _filled(parts: Sequence[str]) -> list[str]:
    """Lines of a log with these parts, as many in each as there is room for."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 2 <= LOG_WIDTH:
            lines[-1] += f'; {part}'
        else:
            lines.append(cut(_MARK + part, LOG_WIDTH))
    return lines
