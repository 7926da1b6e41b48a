"""Evaluation of a genome in several tasks, one short training each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from mmautoloss.proxy.evaluator import ProxyEvaluator
from mmautoloss.proxy.progress import Progress
from mmautoloss.proxy.settings import ProxySettings
from mmautoloss.proxy.trunks import Trunks
from mmautoloss.trial import Outcome, State, Trial


class TasksEvaluator:
    """Evaluates trials in several tasks, one after the other, each in a Runner of its own, which is reused.

    A training of a task is the same, bit for bit, as in a search of that task alone.

    Args:
        settings: How a candidate is evaluated; has ``tasks``.

    Attributes:
        parts: The evaluator of each task.
        progress: The current phase and step, of whichever task is trained.
        trunks: Always empty, since trunks are for searches of one task.
    """

    def __init__(self, settings: ProxySettings) -> None:
        self.settings = settings
        self.progress = Progress()
        self.trunks = Trunks('')
        first, *others = settings.tasks  # the page shows pictures of the first alone
        parts = [first, *(replace(part, pictures=0) for part in others)]
        self.parts = {part.task: ProxyEvaluator(part, self.progress) for part in parts}

    @property
    def broken(self) -> bool:
        """Whether this process cannot run further trials."""
        return any(part.broken for part in self.parts.values())

    @property
    def spent(self) -> bool:
        """Whether further trials need another process."""
        return any(part.spent for part in self.parts.values())

    def evaluate(self, trial: Trial, limit: float | None = None) -> Outcome:
        """Trains and validates in each task; a failure ends it, and the reason names the task.

        Args:
            trial: The trial.
            limit: Seconds that it may take in all tasks together once their models are built, or None.
        """
        outcomes: dict[str, Outcome] = {}
        for task, part in self.parts.items():
            left = None if limit is None else max(limit - _trained_seconds(outcomes), 0.0)
            outcome = outcomes[task] = part.evaluate(trial.of_task(task), left)
            if outcome.score is None:
                break
        return _joined(outcomes, trial)

    def close(self) -> None:
        """Frees the Runners; the next use builds others."""
        for part in self.parts.values():
            part.close()


Evaluator = ProxyEvaluator | TasksEvaluator


def evaluator_of(settings: ProxySettings) -> Evaluator:
    """The evaluator of one task or of several."""
    return TasksEvaluator(settings) if settings.tasks else ProxyEvaluator(settings)


def evaluators_by_task(evaluator: Evaluator) -> Mapping[str, ProxyEvaluator]:
    """The evaluators by task; that of one task alone under ''."""
    return evaluator.parts if isinstance(evaluator, TasksEvaluator) else {'': evaluator}


def _trained_seconds(outcomes: Mapping[str, Outcome]) -> float:
    return sum(outcome.seconds - outcome.stages.get('build', 0.0) for outcome in outcomes.values())


def _joined(outcomes: Mapping[str, Outcome], trial: Trial) -> Outcome:
    stages: Counter[str] = Counter()
    for outcome in outcomes.values():
        stages.update(outcome.stages)
    task, last = list(outcomes.items())[-1]
    joined = Outcome(
        last.state,
        None if last.score is None else 0.0,
        {f'{name}/{key}': value for name, outcome in outcomes.items() for key, value in outcome.metrics.items()},
        sum(outcome.seconds for outcome in outcomes.values()),
        f'{last.reason.rstrip()} (task {task})' if last.reason else '',
        dict(stages),
        leak='\n'.join(f'task {name}: {outcome.leak}' for name, outcome in outcomes.items() if outcome.leak),
    )
    if joined.state is not State.COMPLETE:
        return joined
    scores = {name: outcome.score for name, outcome in outcomes.items() if outcome.score is not None}
    joined = replace(joined, tasks=scores)
    return joined.measured(trial.yardstick) if trial.yardstick else joined
