"""The search loop over slots: submit trials, wait, settle."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import asdict

from mmautoloss.errors import JournalError, SetupError
from mmautoloss.execute import Executor, Limits
from mmautoloss.search.broken_setup import require_working
from mmautoloss.search.heartbeat import Heartbeat
from mmautoloss.search.observer import Observer
from mmautoloss.search.planner import Planner
from mmautoloss.search.stages import SearchStalled, is_essential
from mmautoloss.trial import SAME, History, Journal, Outcome, Role, State, Trial


class Stop:
    """A request to end a search: running trials are finished, and no new ones begin."""

    def __init__(self) -> None:
        self.requested = False

    def request(self) -> None:
        """Requests the end; may be called from a signal handler."""
        self.requested = True


def known_outcome(trial: Trial, history: History) -> Outcome | None:
    """The outcome of a candidate that is the same loss as an earlier one and need not be trained."""
    if trial.role not in (Role.SEARCH, Role.KNOWN) or trial.measures_again:
        return None
    twin = history.same_loss(trial.fingerprint)
    if twin is not None:
        tasks = twin.required_outcome.tasks
        return Outcome(State.EQUIVALENT, twin.score, reason=f'{SAME}{twin.number}', tasks=tasks)
    twin = history.failed_loss(trial.fingerprint)
    if twin is not None:
        return Outcome(State.FAILED, reason=f'{SAME}{twin.number}')
    twin = history.stopped_loss(trial.fingerprint)
    if twin is None or trial.bar is None:
        return None
    rung = twin.required_outcome.rung
    if rung is None or rung < trial.bar:  # else the bar has fallen since
        return Outcome(State.STOPPED, reason=f'{SAME}{twin.number}', rung=rung)
    return None


class _Stopped(Exception):
    """The drawing of expressions was aborted by a request to stop."""


_MAX_DEATHS = 3
"""Deaths of the search during a trial in its own process after which the trial counts as failed."""


def run_search(
    journal: Journal,
    planner: Planner,
    executor: Executor,
    observer: Observer,
    limits: Limits | None = None,
    heartbeat: float = 30.0,
    stop: Stop | None = None,
) -> None:
    """Runs a search to its end.

    Trials that the journal records as begun but not settled are run first, with the same genome and seed, so that a killed
    search resumes as if it had not been interrupted.

    Args:
        journal: Journal of the search.
        planner: Proposes the trials.
        executor: Evaluates the trials.
        observer: Is notified of the events.
        limits: Time limits of a trial.
        heartbeat: Seconds between two lines of the journal with the state of the workers.
        stop: Through which the end can be requested.

    Raises:
        SetupError: The hand-made losses cannot be trained or scored, or several candidates in a row fail for the same
            cause, so that further trials would be meaningless.
        SearchStalled: No new candidate can be found.
        JournalError: The journal can no longer be written.
    """
    stop = stop or Stop()
    journal.begin(executor.slots, heartbeat, asdict(planner.settings.budget), executor.isolated)
    driver = _Driver(journal, planner, executor, observer, limits or Limits(), stop)
    beats = Heartbeat(driver.beat, heartbeat)
    observer.begin(journal.history, planner)
    beats.start()
    reason = None
    try:
        driver.run(beats)
        reason = 'interrupted' if stop.requested else 'done'
    except JournalError:
        raise  # the reason cannot be written
    except BaseException as error:
        reason = 'interrupted' if isinstance(error, KeyboardInterrupt) else str(error) or repr(error)
        raise
    finally:
        beats.stop()
        if reason is not None:  # before the observer, whose errors must not prevent it
            journal.end(reason)
        observer.end(journal.history)


class _Driver:
    """One run of the search loop."""

    def __init__(
        self,
        journal: Journal,
        planner: Planner,
        executor: Executor,
        observer: Observer,
        limits: Limits,
        stop: Stop,
    ) -> None:
        self.journal = journal
        self.history = journal.history
        self.planner = planner
        self.executor = executor
        self.observer = observer
        self.limits = limits
        self.stop = stop
        self.began = time.monotonic() - journal.elapsed
        self.running: dict[Future[Outcome], int] = {}
        self._n_retired = 0
        planner.watch = self._raise_if_stopped

    def run(self, beats: Heartbeat) -> None:
        unfinished = self.history.running()
        while True:
            while len(self.running) < self.executor.slots and not self.stop.requested:
                beats.check()
                trial = unfinished.pop(0) if unfinished else self._propose()
                if trial is None:
                    break
                self._start(trial)
            if not self.running:
                return
            done = self.executor.wait(self.running)
            self._tell_retired()
            for future in sorted(done, key=lambda future: (future.exception() is not None, self.running[future])):
                self._settle(self.running.pop(future), future.result())

    def beat(self) -> None:
        """Writes the state of the workers to the journal."""
        self.journal.beat(self.executor.pulses(), self._elapsed())
        self.observer.beat(self.history)

    def _tell_retired(self) -> None:
        """Tells of workers that have been retired since, and records it at once."""
        lines = self.executor.retired()
        if len(lines) > self._n_retired:
            for line in lines[self._n_retired :]:
                self.observer.retired(line)
            self._n_retired = len(lines)
            self.beat()

    def _raise_if_stopped(self) -> None:
        if self.stop.requested:
            raise _Stopped

    def _propose(self) -> Trial | None:
        if self.running and not self._has_baseline():
            return None  # the first trial alone shows whether the setup works
        try:
            trial = self.planner.next(self.history, self._elapsed())
        except _Stopped:
            return None
        if trial is not None:
            self.journal.propose(trial)
        return trial

    def _start(self, trial: Trial) -> None:
        self.observer.proposed(trial, self.history)
        deaths = 0 if self.executor.isolated else self.journal.attempts(trial.number)
        outcome = known_outcome(trial, self.history) or self._without_trunk(trial)
        if outcome is not None:
            self._settle(trial.number, outcome)
            self._check_progress()
        elif deaths >= _MAX_DEATHS:
            reason = f'worker died: the search itself died {deaths} times while it trained this in its own process'
            self._settle(trial.number, Outcome(State.FAILED, reason=reason, attempts=deaths))
        else:
            self.running[self.executor.submit(trial, self._limit(trial))] = trial.number

    def _settle(self, number: int, outcome: Outcome) -> None:
        self.journal.settle(number, outcome, self._elapsed())
        trial = self.history[number]
        self.observer.settled(trial, self.history)
        if trial.state is not State.FAILED:
            return
        if self._is_essential(trial):
            raise SetupError(f'The hand-made losses could not be trained and scored:\n{outcome.reason}')
        self._require_working()

    def _is_essential(self, trial: Trial) -> bool:
        """Whether a search cannot go on without the score of a trial."""
        if trial.role is Role.TRUNK:
            return is_essential(trial, self.planner.settings)
        return trial.role in (Role.BASELINE, Role.PLAIN)

    def _without_trunk(self, trial: Trial) -> Outcome | None:
        """The outcome of a trial whose trunk has failed."""
        if not self.planner.settings.trunk or trial.begin or trial.role in (Role.TRUNK, Role.PLAIN):
            return None
        return Outcome(State.FAILED, reason=f'not finite: the trunk of seed {trial.seed} has failed')

    def _require_working(self) -> None:
        count = self.planner.settings.budget.max_failures
        latest = [trial for trial in self.history.latest_settled(4 * count) if not trial.was_spared]
        require_working(latest, count)

    def _check_progress(self) -> None:
        limit = self.planner.settings.budget.max_repeats
        latest = self.history.latest_settled(limit)
        if len(latest) == limit and all(trial.was_spared for trial in latest):
            raise SearchStalled(
                f'{limit} candidates in a row are equal to earlier ones. Raise fresh_rate, depth or digits, '
                'or end here: the best so far are in the journal.'
            )

    def _limit(self, trial: Trial) -> float | None:
        """Time limit of a trial in seconds, from the times of the hand-made losses without building the model.

        It grows with the length of the training; None for trunks and plain trainings, which are longer than a candidate's.
        """
        if trial.role in (Role.TRUNK, Role.PLAIN):
            return None
        outcomes = [trial.required_outcome for trial in self.history.of_role(Role.BASELINE) if trial.score is not None]
        return self.limits.of_trial(
            [trial.times * (outcome.seconds - outcome.stages.get('build', 0.0)) for outcome in outcomes]
        )

    def _has_baseline(self) -> bool:
        return bool(self.history.baseline_scores())

    def _elapsed(self) -> float:
        return time.monotonic() - self.began
