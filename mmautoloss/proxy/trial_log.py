"""The log file of a trial, with the output of the libraries."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import platform
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from mmengine.dist import get_rank

from mmautoloss.proxy.settings import ProxySettings
from mmautoloss.trial import LOG, Outcome, Trial, trial_folder

_FORMAT = logging.Formatter('%(asctime)s %(levelname)s %(message)s', '%H:%M:%S')


class TrialLog(io.TextIOBase):
    """A text file to which writing never fails: text that cannot be written is dropped.

    A trial must not fail because of its log.

    Args:
        path: The file, to which text is appended; None for no file. The parent of its folder must exist.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = None
        if path is not None:
            with contextlib.suppress(OSError):  # such as on a machine without the work dir of the search
                path.parent.mkdir(exist_ok=True)
                # line-buffered: a process that dies leaves all of its lines, and forked loaders do not write them again
                self._file = path.open('a', buffering=1, encoding='utf-8', errors='replace')

    @property
    def kept(self) -> bool:
        """Whether the log has a file."""
        return self._file is not None

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Appends text."""
        if self._file is not None:
            with contextlib.suppress(OSError, ValueError):  # the disk is full, or a handler of an earlier trial writes
                self._file.write(text)
        return len(text)

    def close(self) -> None:
        """Closes the file; later text is dropped."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        super().close()


@contextlib.contextmanager
def open_log(folder: str, trial: Trial, task: str = '') -> Iterator[TrialLog]:
    """Opens the log of a trial and redirects stdout, stderr and warnings to it.

    Of processes that train together, only the first has a file.

    Args:
        folder: The folder ``trials`` of a work dir; '' for no log. If it does not exist, the text is dropped.
        trial: The trial.
        task: The task, of several.
    """
    path = trial_folder(Path(folder), trial.number) / LOG if folder and not get_rank() else None
    with contextlib.closing(TrialLog(path)) as log, contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(log))  # pycocotools and others print
        if log.kept:
            stack.enter_context(contextlib.redirect_stderr(log))
            stack.enter_context(warnings.catch_warnings())  # warnings that an earlier trial caused are shown again
            log.write(_heading(trial, task))
        yield log


def last_line(outcome: Outcome, settings: ProxySettings) -> str:
    """A line with the outcome of a trial."""
    if outcome.score is None:
        result = outcome.reason.strip().rpartition('\n')[2]
    else:
        result = f'{settings.metric} {settings.value(outcome.metrics):.6g}'
    return f'{outcome.state.value} after {outcome.seconds:.1f} s: {result}\n'


def _heading(trial: Trial, task: str) -> str:
    when, where = time.strftime('%Y-%m-%d %H:%M:%S'), f'{platform.node()}:{os.getpid()}'
    name = f', task {task}' if task else ''
    lines = [f'trial {trial.number}{name}, {trial.role.value}, seed {trial.seed}, {when}, {where}']
    texts = trial.genome.to_text() if trial.genome else {}
    lines += [f'  {branch}: {text}  (weight {trial.weights.get(branch, 1.0):.6g})' for branch, text in texts.items()]
    return '\n'.join(lines) + '\n'


@contextlib.contextmanager
def logged(logger: logging.Logger, log: TrialLog) -> Iterator[None]:
    """Adds the log of the trial to the handlers of a Runner's logger."""
    handler = logging.StreamHandler(log)
    handler.setLevel(logging.INFO)
    handler.setFormatter(_FORMAT)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
