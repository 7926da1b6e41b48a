"""A search in MMEngine's visualiser backends: TensorBoard, W&B, MLflow and whatever else a config names."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean

from mmengine.config import Config
from mmengine.visualization import Visualizer

from mmautoloss.engine.guarded_backend import guard
from mmautoloss.report.confirmation import confirmation_of
from mmautoloss.report.figures.progress_image import draw_progress_image
from mmautoloss.report.statistics import spread
from mmautoloss.report.tasks import hand_made_scores, is_measured
from mmautoloss.screen import ACCEPTED
from mmautoloss.search import DrawProgress, Observer, Planner
from mmautoloss.trial import History, Role, Trial

FIGURE_EVERY = 25
"""Number of settled trials after which the figure is drawn again; it is also drawn at the end."""

_OVERWRITES = 'LocalVisBackend'
"""The backend that writes configs to one file, which already has that of the search."""


class Dashboard(Observer):
    """Writes scalars, formulas and a figure; the step is the number of settled trials, so a resumed search continues it.

    A backend that raises is not written to any more, which is reported once.

    Args:
        visualizer: The visualiser of the backends, which are closed at the end.
        metric: Name of the score.
        greater: Whether a higher value is better; scores are written as the metric reports them.
        say: Prints a line.
    """

    def __init__(self, visualizer: Visualizer, metric: str, greater: bool, say: Callable[[str], None]) -> None:
        self._visualizer = visualizer
        self._backends = guard(visualizer)
        self._metric = metric
        self._sign = 1 if greater else -1
        self._say = say
        self._reported: set[str] = set()
        self._drawing = DrawProgress()
        self._best: int | None = None

    def begin(self, history: History, planner: Planner) -> None:
        """Reports backends that do not work from the start."""
        self._drawing = planner.drawing
        winner = history.winner()
        self._best = winner.number if winner else None
        self._report_failures()

    def settled(self, trial: Trial, history: History) -> None:
        """Writes the values of the trial and the present state of the search."""
        step = len(history.settled())
        self._visualizer.add_scalars({**self._trial_scalars(trial), **self._search_scalars(history)}, step)
        self._write_text('trials', describe(trial, self._sign), step)
        winner = history.winner()
        if winner is not None and winner.number != self._best:
            self._best = winner.number
            for branch, text in winner.required_genome.to_text().items():
                self._write_text(f'best/{branch}', f'    {text}', step)
        if step % FIGURE_EVERY == 0:
            self._draw(history, step)
        for backend in self._backends.values():
            backend.flush()
        self._report_failures()

    def end(self, history: History) -> None:
        """Draws the figure, writes the best formulas as settings, and closes the backends."""
        self._draw(history, len(history.settled()))
        winner = history.winner()
        if winner is not None:
            losses = Config({'found_losses': {'trial': winner.number, **winner.required_genome.to_text()}})
            for name, backend in self._backends.items():
                if name != _OVERWRITES:
                    backend.add_config(losses)
        self._visualizer.close()
        self._report_failures()
        for manager in (Visualizer, type(self._visualizer)):  # a later search of this process has its own
            manager._instance_dict.pop(self._visualizer.instance_name, None)

    def _trial_scalars(self, trial: Trial) -> dict[str, float]:
        outcome = trial.required_outcome
        scalars: dict[str, float] = {'trial': trial.number}
        if trial.score is not None and is_measured(trial) and not trial.was_spared:
            scalars[f'score/{trial.role.value}'] = self._sign * trial.score
        if not trial.was_spared:
            scalars['seconds/all'] = outcome.seconds
            scalars |= {f'seconds/{stage}': seconds for stage, seconds in outcome.stages.items()}
        if trial.role is Role.SEARCH:
            scalars |= {f'weight/{branch}': weight for branch, weight in trial.weights.items()}
        return scalars

    def _search_scalars(self, history: History) -> dict[str, float]:
        baseline = hand_made_scores(history)
        funnel, winner = history.funnel(), history.winner()
        scalars: dict[str, float] = {'trained': history.n_proxies(), 'funnel/explored': sum(funnel.values())}
        if funnel:
            scalars['funnel/yield'] = funnel[ACCEPTED] / sum(funnel.values())
        if self._drawing.per_minute is not None:
            scalars['funnel/per_minute'] = self._drawing.per_minute
        if baseline:
            scalars['baseline/mean'] = self._sign * mean(baseline)
            scalars['baseline/spread'] = spread(baseline)
        if winner is not None:
            scalars['best/score'] = self._sign * mean(history.scores_of(winner.number))
            scalars['best/trial'] = winner.number
        return scalars | self._fresh_scalars(history)

    def _fresh_scalars(self, history: History) -> dict[str, float]:
        confirmation = confirmation_of(history)
        if confirmation is None:
            return {}
        compared = {'hand_made': confirmation.hand_made, 'known': confirmation.rival, 'best': confirmation.winner}
        scored = {name: fresh.scores.values() for name, fresh in compared.items() if fresh and fresh.scores}
        return {f'fresh/{name}': self._sign * mean(scores) for name, scores in scored.items()}

    def _write_text(self, tag: str, text: str, step: int) -> None:
        for backend in self._backends.values():
            backend.add_text(tag, text, step)

    def _draw(self, history: History, step: int) -> None:
        if any(not backend.failure for backend in self._backends.values()):
            self._visualizer.add_image('progress', draw_progress_image(history, self._metric, self._sign), step)

    def _report_failures(self) -> None:
        for name, backend in self._backends.items():
            if backend.failure and name not in self._reported:
                self._reported.add(name)
                self._say(f'{name} gets nothing more, since it raised {backend.failure}')


def describe(trial: Trial, sign: int) -> str:
    """A trial in Markdown."""
    score = trial.state.value if trial.score is None else f'{sign * trial.score:.4f}'
    origin = trial.origin if trial.parent is None else f'{trial.origin} of {trial.parent}'
    lines = [f'trial {trial.number}, {trial.role.value}, **{score}**, {origin}', '']
    lines += [f'    {branch}: {text}' for branch, text in (trial.genome.to_text() if trial.genome else {}).items()]
    return '\n'.join(lines)
