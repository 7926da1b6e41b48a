"""The files of trials that are kept in the work dir."""

from __future__ import annotations

import shutil
from pathlib import Path

from mmautoloss.search import Funnel, Observer, Planner, funnel_rounds
from mmautoloss.trial import LOG, TRIALS, History, Role, State, Trial, trial_folder

_TAIL = 4096
"""Bytes at the end of a log that are searched for the reason of a failure."""


class TrialFiles(Observer):
    """Keeps the files of failed trials and of the best ones, and deletes those of others as soon as they are settled.

    The best ones are the hand-made losses, as many found ones as there are finalists, the winner, those that hold in the
    funnel, and all their trainings with other seeds or of another length. Workers write into ``WORK_DIR/trials`` if it
    exists; one on a machine that does not share the work dir keeps nothing.

    Args:
        work_dir: Work dir of the search.

    Raises:
        OSError: The folder for them cannot be made.
    """

    def __init__(self, work_dir: Path) -> None:
        self.folder = work_dir / TRIALS
        self.folder.mkdir(exist_ok=True)
        self._finalists = 1
        self._funnel: Funnel | None = None
        self._best: set[int] = set()

    def begin(self, history: History, planner: Planner) -> None:
        """Deletes files that an earlier session has left and that are not to be kept."""
        self._finalists = max(1, planner.settings.budget.finalists)
        self._funnel = planner.settings.budget.funnel
        self._best = best_trials(history, self._finalists, self._funnel)
        failed = {trial.number for trial in history.settled() if trial.state is State.FAILED}
        kept = {trial_folder(self.folder, number).name for number in self._best | failed}
        for path in self.folder.iterdir():
            if path.name.isdigit() and path.name not in kept:
                _delete(path)

    def settled(self, trial: Trial, history: History) -> None:
        """Deletes the files of this trial, unless they are to be kept, and of those that are no longer among the best."""
        if trial.state is State.FAILED:
            if not trial.was_spared:
                self._note(trial)
            return
        best = best_trials(history, self._finalists, self._funnel)
        for number in (self._best | {trial.number}) - best:
            _delete(trial_folder(self.folder, number))
        self._best = best

    def _note(self, trial: Trial) -> None:
        """Adds the reason of a failure to the log, since a worker that died or was killed could not."""
        log, reason = trial_folder(self.folder, trial.number) / LOG, trial.required_outcome.reason.strip()
        try:
            if not log.exists() or reason.rpartition('\n')[2] not in _tail(log):
                log.parent.mkdir(exist_ok=True)
                with log.open('a', encoding='utf-8') as file:
                    file.write(reason + '\n')
        except OSError:  # the journal has the reason, too
            return


def best_trials(history: History, count: int, funnel: Funnel | None = None) -> set[int]:
    """Numbers of the trials whose files are worth keeping: hand-made losses, the best found ones, trainings of them again.

    Args:
        history: The trials.
        count: Number of found losses.
        funnel: Settings of the funnel over lengths; None for none.
    """
    winner = history.winner()
    best = {trial.number for trial in history.best_found(count)} | ({winner.number} if winner else set())
    best |= _in_funnel(history, funnel)
    baseline = {trial.number for trial in history.of_role(Role.BASELINE)}
    again = history.of_role(Role.FINALIST, Role.LONGER)
    repeats = {trial.number for trial in again if trial.repeats in best | baseline}
    return best | baseline | repeats | {trial.number for trial in history.of_role(Role.CONFIRM)}


def _in_funnel(history: History, funnel: Funnel | None) -> set[int]:
    """Found losses that may still hold."""
    last = funnel_rounds(history, funnel)[-1:]
    held = {entrant.first.number for each in last for entrant in (each.held if each.is_over else each.found)}
    return held if history.of_role(Role.LONGER) else set()


def _tail(log: Path) -> str:
    with log.open('rb') as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _TAIL))
        return file.read().decode('utf-8', 'replace')


def _delete(path: Path) -> None:
    """Deletes a folder; files that cannot be deleted stay."""
    shutil.rmtree(path, ignore_errors=True)
