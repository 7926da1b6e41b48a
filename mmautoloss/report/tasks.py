"""Values by task, in a search of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

from mmautoloss.trial import History, Role, Scale, Trial, scale_of


def task_scales(header: Mapping[str, Any]) -> dict[str, Scale]:
    """The metric of each task; none in a search of one.

    Args:
        header: The first event of a journal.
    """
    return {name: scale_of(task) for name, task in (header.get('tasks') or {}).items()}


def task_values(trial: Trial, scales: Mapping[str, Scale]) -> dict[str, float | None]:
    """The values of a trial as the metrics report them; None where it has none."""
    values = trial.outcome.tasks if trial.outcome else {}
    return {task: scale.shown(values.get(task)) for task, scale in scales.items()}


def task_means(trials: Iterable[Trial], scales: Mapping[str, Scale]) -> dict[str, float]:
    """The mean values of some trainings of the same losses; without tasks in which there is none."""
    runs = [task_values(trial, scales) for trial in trials]
    values = {task: [value for run in runs if (value := run[task]) is not None] for task in scales}
    return {task: fmean(each) for task, each in values.items() if each}


def awaits_yardstick(history: History) -> bool:
    """Whether hand-made losses have values in several tasks, which make no score yet."""
    first = history.of_role(Role.BASELINE)[:1]
    return history.yardstick is None and any(trial.outcome and trial.outcome.tasks for trial in first)


def hand_made_scores(history: History) -> list[float]:
    """Scores of the hand-made losses, one per seed; none before there is a yardstick, if they need one."""
    return [] if awaits_yardstick(history) else history.baseline_scores()


def is_measured(trial: Trial) -> bool:
    """Whether it settled with its score, unlike the first trainings of the hand-made losses in several tasks."""
    return not trial.required_outcome.tasks or trial.yardstick is not None


def task_columns(scales: Mapping[str, Scale]) -> tuple[str, ...]:
    """Names of the columns with the values of each task."""
    return tuple(f'task {name}' for name in scales)
