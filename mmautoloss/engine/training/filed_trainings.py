"""Trainings of one kind whose rows are in a file, where what is there is not trained again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil, nan
from pathlib import Path

from mmautoloss.engine.config.begin import CheckpointBegin, TrunkBegin
from mmautoloss.engine.data.images import images_of
from mmautoloss.engine.survey import survey_of, unsaid
from mmautoloss.engine.training.forecast import DryRun, speeds_of
from mmautoloss.engine.training.late_start import with_trunks
from mmautoloss.errors import SetupError, in_setup
from mmautoloss.execute import ExecuteSettings, build_executor, train_all
from mmautoloss.proxy import ProxyEvaluator, ProxySettings, interim_file
from mmautoloss.report import (
    Conditions,
    ConsoleObserver,
    Description,
    ResultRow,
    Setting,
    append_results,
    make_row,
    read_results,
    span,
)
from mmautoloss.report.result_row import SCRATCH, loss_name
from mmautoloss.trial import History, Outcome, Role, Trial


class FailedTrainings(SetupError):
    """Some trainings failed; those that did not are filed."""


def conditions_of(begin: TrunkBegin | CheckpointBegin | None, settings: ProxySettings) -> Conditions:
    """What rows say of a training besides its settings."""
    return Conditions(begin.label if begin else SCRATCH, images_of(settings.config))


_TOO_LONG = ('time limit', 'worker hung')
"""Starts of the reasons of trainings that were ended."""


def _would_fail_again(trial: Trial) -> bool:
    return trial.failed_by_itself or trial.required_outcome.reason.startswith(_TOO_LONG)


class FiledTrainings:
    """Trains losses and appends a row a metric of each training to a file, at once.

    Args:
        path: The CSV file.
        settings: Settings of the trainings.
        describe: Labels of the rows.
        conditions: What these do not say.
        metrics: Keys of the validation, each for a row; none for the monitored one.
        keep_failures: Whether a training that fails by its losses, or takes too long, has rows too, with NaN, so that it is
            not repeated.
        name: Name of a loss in the rows.

    Attributes:
        metrics: Those of the rows.
        failures: Reasons of the trainings that failed.
    """

    def __init__(
        self,
        path: Path,
        settings: ProxySettings,
        describe: Description,
        conditions: Conditions,
        metrics: Sequence[str] = (),
        keep_failures: bool = False,
        name: Callable[[Trial, Description], str] = loss_name,
    ) -> None:
        self.path = path
        self.settings = settings
        self.describe = describe
        self.conditions = conditions
        self.metrics = tuple(dict.fromkeys(metrics)) or (settings.metric,)
        self.failures: list[str] = []
        self._keep_failures = keep_failures
        self._name = name
        self._known = {row.training for row in read_results(path)}
        self._history = History()
        self._observer = ConsoleObserver(settings.branches, settings.metric, settings.greater)

    def has(self, trial: Trial) -> bool:
        """Whether the file has all rows of this training already."""
        return all(map(self._is_filed, self._rows(trial, dict.fromkeys(self.metrics, 0.0))))

    def setting(self, metric: str) -> Setting:
        """What the rows of a metric have in common."""
        return self._row(Trial(0, Role.BASELINE, 0), metric, 0.0).setting

    def comparable(self, rows: Iterable[ResultRow]) -> list[ResultRow]:
        """The rows of trainings on the same images, as far as they say."""
        return [row for row in rows if row.images in ('', self.conditions.images)]

    def train(self, trials: Sequence[Trial], execute: ExecuteSettings) -> Iterator[list[ResultRow]]:
        """Trains what the file has not, and yields the new rows of each training once they are written.

        Raises:
            SetupError: Something cannot be built, a metric is not among those of the validation, or a trunk cannot be
                trained.
        """
        pending = self._pending(trials)
        if not pending:
            return
        evaluator = ProxyEvaluator(self.settings)
        try:
            with survey_of(evaluator, execute) as survey:
                in_setup(lambda: survey.check('', unsaid, self.metrics))
            pending = with_trunks(pending, self.settings, execute, evaluator, self._end_of('trunks'))
            self._say_going_on(pending)
            executor = build_executor(execute, self.settings, evaluator)
            say_end = self._end_of('trainings')
            for done, (trial, outcome) in enumerate(train_all(executor, [*map(self._numbered, pending)]), start=1):
                yield self._settle(trial, outcome)
                say_end(done, len(pending))
        finally:
            evaluator.close()

    def dry_run(self, trials: Sequence[Trial], execute: ExecuteSettings) -> DryRun:
        """What it takes to train what the file has not.

        Raises:
            SetupError: Something cannot be built, or a metric is not among those of the validation.
            TrainingError: The training fails.
        """
        speeds = speeds_of(self.settings, execute, self.metrics)
        share = self.settings.trunk_share
        pending, workers = self._pending(trials), execute.workers
        trunks = len({trial.seed for trial in pending}) if share else 0
        whole = sum(speed.iteration * speed.iterations for speed in speeds.values())
        one = sum(speed.seconds(1 - share) for speed in speeds.values())
        seconds = ceil(len(pending) / workers) * one + ceil(trunks / workers) * share * whole
        return DryRun(speeds, one, {'compared': len(pending), 'trunk': trunks}, seconds, workers, execute.ranks)

    def _pending(self, trials: Sequence[Trial]) -> list[Trial]:
        """The trials that the file has not."""
        return [trial for trial in self._distinct(trials) if not self.has(trial)]

    def _end_of(self, what: str) -> Callable[[int, int], None]:
        """What says, after the first training and each tenth of all, how long the rest takes from now on."""
        began = time.monotonic()

        def say(done: int, count: int) -> None:
            if done < count and (done == 1 or done * 10 // count > (done - 1) * 10 // count):
                rest = span((time.monotonic() - began) / done * (count - done))
                self._observer.say(f'-- {done} of {count} {what}; the others take about {rest}')

        return say

    def _say_going_on(self, trials: Sequence[Trial]) -> None:
        """Says how many trainings go on from a checkpoint."""
        files = [path for trial in trials if (path := interim_file(self.settings, trial)) and path.exists()]
        if files:
            self._observer.say(f'-- trainings that go on from their checkpoints in {files[0].parent}: {len(files)}')

    def _distinct(self, trials: Sequence[Trial]) -> list[Trial]:
        """One trial for each row that there would be, such as where a loss is named twice."""
        distinct: dict[ResultRow, Trial] = {}
        for trial in trials:
            distinct.setdefault(self._row(trial, self.settings.metric, 0.0), trial)
        return list(distinct.values())

    def _numbered(self, trial: Trial) -> Trial:
        """The trial with a number of its own."""
        self._history.add(replace(trial, number=len(self._history)))
        return self._history[len(self._history) - 1]

    def _settle(self, trial: Trial, outcome: Outcome) -> list[ResultRow]:
        """Writes the rows of a training, or notes its failure."""
        self._history.settle(trial.number, outcome)
        settled = self._history[trial.number]
        self._observer.settled(settled, self._history)
        rows = self._file(settled, outcome)
        path = interim_file(self.settings, trial)
        if path and (outcome.score is not None or _would_fail_again(settled)):
            path.unlink(missing_ok=True)  # only now, when the rows are written
        return rows

    def _file(self, trial: Trial, outcome: Outcome) -> list[ResultRow]:
        if outcome.score is None:
            self.failures.append(outcome.reason)
            if not self._keep_failures or not _would_fail_again(trial):
                return []
        scores = {} if outcome.score is None else self._scores(outcome)
        rows = [row for row in self._rows(trial, scores) if not self._is_filed(row)]
        append_results(self.path, rows)
        return rows

    def _scores(self, outcome: Outcome) -> dict[str, float]:
        """The values of the metrics that the validation gave."""
        found = {key for metric in self.metrics for key in metric.split('+') if key in outcome.metrics}
        missing = [metric for metric in self.metrics if not found.issuperset(metric.split('+'))]
        if missing:
            self.failures.append(f'The validation gave no {", ".join(missing)}, only: {", ".join(outcome.metrics)}.')
        given = [metric for metric in self.metrics if metric not in missing]
        return {metric: replace(self.settings, metric=metric).value(outcome.metrics) for metric in given}

    def _rows(self, trial: Trial, scores: Mapping[str, float]) -> list[ResultRow]:
        metrics = self.metrics if self._keep_failures else tuple(scores)
        return [self._row(trial, metric, scores.get(metric, nan)) for metric in metrics]

    def _row(self, trial: Trial, metric: str, value: float) -> ResultRow:
        row = make_row(trial, self.describe, replace(self.settings, metric=metric), value, self.conditions)
        return row._replace(loss=self._name(trial, self.describe))

    def _is_filed(self, row: ResultRow) -> bool:
        """Whether the file has a row of the same training; one that does not say its images may be it."""
        return not self._known.isdisjoint((row.training, row._replace(images='').training))
