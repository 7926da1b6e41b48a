"""Everything about a settled trial in one line, however long."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.markup import escape

from mmautoloss.report.tasks import is_measured, task_values
from mmautoloss.report.words import last_line
from mmautoloss.trial import History, Role, Scale, State, Trial, log_name


def full_line(trial: Trial, leads: bool, sign: int, scales: Mapping[str, Scale], work_dir: Path | None) -> str:
    """The line in rich's markup: number, role, score, time, origin and all losses.

    Args:
        trial: A settled trial.
        leads: Whether it is the best so far.
        sign: 1 where higher values of the metric are better, else -1.
        scales: The metric of each task; none in a search of one.
        work_dir: Has the logs of failed trials; None if unknown.
    """
    origin = trial.origin if trial.parent is None else f'{trial.origin} of {trial.parent}'
    formulas = '' if trial.genome is None else '  '.join(f'{k}: {v}' for k, v in trial.genome.to_text().items())
    result = _result(trial, leads, sign, scales, work_dir)
    return f'{trial.number:4d} {word_of(trial):8s} {result}  [dim]{escape(origin)}[/dim]  {escape(formulas)}'


def _result(trial: Trial, leads: bool, sign: int, scales: Mapping[str, Scale], work_dir: Path | None) -> str:
    outcome = trial.required_outcome
    if trial.state is State.FAILED and trial.was_spared:
        return f'[dim]failed as {escape(outcome.reason)}[/dim]'
    if trial.state is State.FAILED:
        return f'[red]failed{log_of(trial, work_dir)}: {escape(failure_of(trial))}[/red]'
    if trial.state is State.EQUIVALENT:
        return f'[dim]{sign * trial.required_score:.4f} as {escape(outcome.reason)}[/dim]'
    if trial.state is State.STOPPED:
        detail = f'as {outcome.reason}' if trial.was_spared else f'{outcome.seconds:5.1f} s'
        return f'[yellow]stopped: {rung_of(trial, sign)} at the rung[/yellow] {escape(detail)}'
    style = 'bold green' if leads else 'default'
    score = f'{sign * trial.required_score:.4f}' if is_measured(trial) else 'hand-made'
    return f'[{style}]{score}[/{style}] {outcome.seconds:5.1f} s{escape(values_of(trial, scales))}'


def leads(trial: Trial, history: History) -> bool:
    """Whether a training is one of the best candidate so far, found or known, and this one was found."""
    if trial.role is not Role.SEARCH or trial.state is not State.COMPLETE:
        return False
    number = trial.number if trial.repeats is None else trial.repeats
    best = [*history.best_found(1), *history.best_known(1)]
    return history.estimate(number) == max(history.estimate(each.number) for each in best)


def word_of(trial: Trial) -> str:
    """Its role, or the length of a longer training."""
    return f'{trial.times:g}x' if trial.role is Role.LONGER else trial.role.value


def failure_of(trial: Trial) -> str:
    """Why it failed, in one line."""
    return last_line(trial.required_outcome.reason) or 'no reason given'


def rung_of(trial: Trial, sign: int) -> str:
    """Its score at the rung."""
    rung = trial.required_outcome.rung
    return 'no score' if rung is None else f'{sign * rung:.4f}'


def values_of(trial: Trial, scales: Mapping[str, Scale]) -> str:
    """The values by task in parentheses; '' in a search of one."""
    shown = [f'{task} {value:.4f}' for task, value in task_values(trial, scales).items() if value is not None]
    return f' ({", ".join(shown)})' if shown else ''


def log_of(trial: Trial, work_dir: Path | None) -> str:
    """The name of its log in parentheses; '' where there is none."""
    name = log_name(trial.number)
    return f' ({name})' if work_dir and (work_dir / name).exists() else ''
