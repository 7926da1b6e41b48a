"""Evaluation of a genome: a short training of the model with its losses, then a validation."""

from __future__ import annotations

import contextlib
import gc
import io
import math
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from torch import Tensor

from mmautoloss.branches import check_branches
from mmautoloss.errors import NonFiniteLoss, StoppedAtRung, TimeLimitExceeded
from mmautoloss.proxy.aftermath import free_frames, spoils_process
from mmautoloss.proxy.begin import Begin
from mmautoloss.proxy.config import proxy_config
from mmautoloss.proxy.interim_checkpoints import find_interim
from mmautoloss.proxy.length import lengthen
from mmautoloss.proxy.log_only import nothing_logged
from mmautoloss.proxy.memory import freed_memory_kept
from mmautoloss.proxy.predictions import kept_predictions
from mmautoloss.proxy.progress import Progress
from mmautoloss.proxy.repeat_check import BeginningHook, FarEnough, RepeatCheck
from mmautoloss.proxy.runner import ProxyRunner, all_finite, forget_runner
from mmautoloss.proxy.settings import MissingMetric, ProxySettings, numbers
from mmautoloss.proxy.training_lock import one_at_a_time
from mmautoloss.proxy.trial_log import TrialLog, last_line, logged, open_log
from mmautoloss.proxy.trial_training import TrialTraining
from mmautoloss.proxy.trunk_hook import TrunkReached
from mmautoloss.proxy.trunks import Trunks
from mmautoloss.trial import AT_RUNG, UNSCORED, Outcome, Role, Saved, State, Trial


class ProxyEvaluator:
    """Evaluates trials, one after the other, in one reused Runner.

    Args:
        settings: How a candidate is evaluated.
        progress: Where its progress is written; None for its own.

    Attributes:
        progress: The current phase and step; may be read from another thread.
        broken: Whether this process cannot run further trials, such as after a CUDA error.
        trunks: The saved trainings that candidates continue.
        kept: Which samples are cached in memory, or why none are; '' if caching is off or nothing was trained yet.
    """

    def __init__(self, settings: ProxySettings, progress: Progress | None = None) -> None:
        settings.import_modules()
        self.settings = settings
        self.progress = progress or Progress()
        self.broken = False
        self.kept = ''
        self._runner: ProxyRunner | None = None
        self._times: float = 1  # length of the trainings of the Runner
        self._present = settings  # of that length
        self._rung: float | None = None  # score of the current trial at the rung
        self._name = ''  # name of the Runner in MMEngine's managers
        self._log: TrialLog | None = None  # of the current trial
        self._proof = RepeatCheck(settings.prove)
        self.trunks = Trunks(settings.saved_folder)
        self._saved: Saved | None = None  # by the current trial, if it is a trunk or a leg
        self._interim: Begin | None = None  # the checkpoint from which the current trial goes on

    @property
    def spent(self) -> bool:
        """Whether further trials need another process: this one is broken, or state leaks from trial to trial."""
        return self.broken or self._proof.verdict.leaks

    @property
    def runner(self) -> ProxyRunner:
        """The Runner, built at first use.

        Raises:
            SetupError: The branches do not fit the model.
        """
        if self._runner is None:
            with self.progress.stage('build'):
                return self._build()
        return self._runner

    @one_at_a_time
    def _build(self) -> ProxyRunner:
        settings = self._present
        cfg = proxy_config(
            Config(dict(settings.config)),
            dict(settings.schedule),
            settings.invalid_stop,
            settings.work_dir,
            settings.rung,
            settings.checkpoint,
        )
        self._name = cfg.experiment_name
        with contextlib.nullcontext() if self._log else _silence():
            runner = self._runner = ProxyRunner.from_cfg(cfg)
        runner.progress = self.progress
        self.kept = runner.keep_samples(settings.cache)
        check_branches(runner.model, settings.branches)
        self._hand_made = {branch.name: branch.objective(runner.model) for branch in settings.branches}
        return runner

    @property
    def hand_made(self) -> dict[str, Callable[..., Tensor]]:
        """The losses with which the model was built, by branch; each training has its own instances of them."""
        return self.runner and self._hand_made

    @one_at_a_time
    def evaluate(self, trial: Trial, limit: float | None = None) -> Outcome:
        """Trains and validates; any failure becomes a failed outcome with its reason.

        Args:
            trial: The trial.
            limit: Seconds that training and validation may take, or None; checked after each iteration.
        """
        if self._runner and (self._proof.verdict.anew or (self._proof.pending and self._runner.leftover())):
            self._clear()
        self._set_length(trial.times)
        with open_log(self.settings.trials, trial, self.settings.task) as log:
            self._log = log
            outcome = self._outcome(trial, limit, log)
            log.write(last_line(outcome, self.settings))
            outcome = replace(outcome, leak=self._prove(trial, log))
        self._log = None
        return outcome

    def _set_length(self, times: float) -> None:
        """Frees a Runner of another length, as all that it builds depends on its config."""
        if times != self._times:
            self._clear()
            self._times, self._present = times, lengthen(self.settings, times)

    def _outcome(self, trial: Trial, limit: float | None, log: TrialLog) -> Outcome:
        begin = time.perf_counter()
        self.progress.begin(limit)
        self._rung = self._saved = self._interim = None
        metrics: dict[str, float] = {}
        state = State.FAILED
        try:
            self._interim = find_interim(self._present, trial)
            with freed_memory_kept():
                metrics = self._measure(trial, log)
            score, reason, state = self._score(metrics), '', State.COMPLETE
        except StoppedAtRung as error:
            score, reason, state = None, str(error), State.STOPPED
        except NonFiniteLoss as error:
            score, reason = None, f'not finite: {error}'
        except MissingMetric as error:
            score, reason = None, str(error)
        except TimeLimitExceeded as error:
            score, reason = None, f'time limit: {error}'
            self._clear()  # an interrupted validation leaves its results in the evaluator
        except (Exception, SystemExit) as error:
            # an error of the user's model, data or metric fails the trial, not the search; the Runner may be in any state
            self.broken = spoils_process(error)
            score, reason = None, traceback.format_exc(limit=-6)
            log.write(traceback.format_exc())  # in full; the journal has the last lines
            free_frames(error)
            self._clear()
        seconds = time.perf_counter() - begin
        # metrics other than the score may be NaN, such as that of a class that does not occur
        metrics = {key: value for key, value in metrics.items() if math.isfinite(value)}
        stages = dict(self.progress.stages)
        return Outcome(state, score, metrics, seconds, reason, stages, rung=self._rung, saved=self._saved)

    @one_at_a_time
    def build(self) -> None:
        """Builds everything that a training needs, so that errors of the config show before the first one."""
        runner = self.runner
        with _silence():
            runner.reset(0)
            runner.build_training()

    @one_at_a_time
    def validate_untrained(self, whole: bool = False) -> dict[str, Any]:
        """Validates the untrained model on the first batch; returns the result of the metric.

        Where a metric fails with so little, such as one that looks for other images of the same identity, it validates on
        more batches, and raises the error of the metric if all are not enough.

        Args:
            whole: Whether to validate on all batches.
        """
        runner = self.runner
        with _silence():
            runner.reset(0)
            runner.model.eval()
            return _first_scores(runner.model, runner.val_loop, whole)

    @one_at_a_time
    def train_briefly(self, end: Hook) -> None:
        """Trains with the hand-made losses from the beginning until a hook raises ``FarEnough``."""
        with _silence():
            self._train_until(Trial(0, Role.BASELINE, 0), end)

    def close(self) -> None:
        """Frees the Runner; the next use builds another."""
        if self._runner is not None:
            self._runner.end_loops()
        self._runner = None
        if self._name:
            forget_runner(self._name)
        gc.collect()  # a Runner is a cycle of references
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _clear(self) -> None:
        """``close`` after a failure, when closing may fail as well."""
        try:
            self.close()
        except Exception:  # after an illegal memory access every CUDA call fails; ``broken`` tells the caller
            self.broken = True

    def _measure(self, trial: Trial, log: TrialLog) -> dict[str, float]:
        runner = self.runner
        with logged(runner.logger, log):
            self._train(runner, trial)
            with kept_predictions(runner, self.settings, trial, log), self.progress.stage('validate'):
                return numbers(runner.val_loop.run())

    def _train(self, runner: ProxyRunner, trial: Trial) -> None:
        training = self._training(trial)
        with self.progress.stage('train'):
            training.prepare(runner)
            self._proof.watch(runner)
            # the rung is for candidates; others are trained for their score
            candidate = trial.role in (Role.BASELINE, Role.KNOWN, Role.SEARCH)
            runner.at_rung = partial(self._judge, trial.bar) if candidate else None
            for hook in training.hooks:
                runner.register_hook(hook)
            with nothing_logged(runner.bare_model), contextlib.suppress(TrunkReached):
                runner.train()
        if not all_finite(runner.model):
            raise NonFiniteLoss('a weight of the model after training')
        self._saved = training.save()

    def _training(self, trial: Trial) -> TrialTraining:
        return TrialTraining(self._present, self.trunks, trial, self._interim)

    def _prove(self, trial: Trial, log: TrialLog) -> str:
        """Once, after the first training: repeats its beginning; returns the differences as text, '' if there are none."""
        if self._runner is None or not self._proof.ready:
            return ''
        trained, runner = self._runner.model, self._runner
        self.progress.begin()
        with self.progress.stage('prove'), freed_memory_kept(), _silence(), contextlib.redirect_stderr(io.StringIO()):
            self._proof.settle(partial(self._begin, trial))
        if self._runner is runner:
            runner.model = trained
        text = self._proof.verdict.text
        log.write(f'{text}\n' if text else '')
        return text

    def _begin(self, trial: Trial, own: bool) -> BeginningHook:
        """Trains the first iterations of a trial; in a new Runner if ``own``."""
        if own:
            self._clear()
        beginning = BeginningHook(ends=True)
        self._train_until(trial, beginning)
        return beginning

    def _train_until(self, trial: Trial, end: Hook) -> None:
        """Trains a trial until a hook raises ``FarEnough``."""
        with contextlib.suppress(FarEnough):
            self._training(trial).prepare(self.runner)
            self.runner.register_hook(end)
            with nothing_logged(self.runner.bare_model):
                self.runner.train()

    def _judge(self, bar: float | None, metrics: Mapping[str, Any]) -> None:
        """Decides at the rung; without a bar, also a network without a score continues.

        Raises:
            StoppedAtRung: The score is below the bar, or missing.
            NonFiniteLoss: A weight is not finite, and so will stay.
        """
        if not all_finite(self.runner.model):
            raise NonFiniteLoss(f'a weight of the model {AT_RUNG}')
        try:
            self._rung = self._score(numbers(metrics))
        except (MissingMetric, NonFiniteLoss) as error:
            if bar is not None:
                raise StoppedAtRung(f'{UNSCORED}: {error}') from None
            return
        if bar is not None and self._rung < bar:
            raise StoppedAtRung

    def _score(self, metrics: Mapping[str, float]) -> float:
        value = self.settings.value(metrics)
        if not math.isfinite(value):
            raise NonFiniteLoss(f'{self.settings.metric} is {value}')
        return value if self.settings.greater else -value


def _first_scores(model: Any, loop: Any, whole: bool) -> dict[str, Any]:
    last = len(loop.dataloader)
    due = last if whole else 1
    for count, batch in enumerate(loop.dataloader, start=1):
        with torch.no_grad():
            outputs = model.val_step(batch)
        loop.evaluator.process(data_samples=outputs, data_batch=batch)
        if count < min(due, last):
            continue
        try:
            return dict(loop.evaluator.evaluate(len(loop.dataloader.dataset)))
        except Exception:  # a metric may raise anything where it has too little
            if count == last:
                raise
            due *= 4
    return {}


@contextlib.contextmanager
def _silence() -> Any:
    """Discards printed text, such as that of pycocotools."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
