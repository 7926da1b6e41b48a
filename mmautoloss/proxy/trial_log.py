"""What a trial and its libraries say while it is measured, in a file of its own."""

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
    """A text file to which writing never fails: where there is no place for it, what is written is dropped.

    A measurement must not fail for the sake of its log.

    Args:
        path: The file, which grows if it is there; None for no file. Its folder's parent must exist.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = None
        if path is not None:
            with contextlib.suppress(OSError):  # such as a machine without the work dir of the search
                path.parent.mkdir(exist_ok=True)
                # by lines: a process that dies leaves what it said, and forked loaders do not write it once more
                self._file = path.open('a', buffering=1, encoding='utf-8', errors='replace')

    @property
    def kept(self) -> bool:
        """Whether there is a file."""
        return self._file is not None

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Appends text."""
        if self._file is not None:
            with contextlib.suppress(OSError, ValueError):  # the disk is full; or a handler of an earlier trial writes
                self._file.write(text)
        return len(text)

    def close(self) -> None:
        """Closes the file; what is written from now on is dropped."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        super().close()


@contextlib.contextmanager
def open_log(folder: str, trial: Trial) -> Iterator[TrialLog]:
    """Opens the log of a trial and sends there what is printed, warned of and written to stderr.

    Of processes that train together only the first has a file.

    Args:
        folder: The ``trials`` of a work dir; '' for none, and where it does not exist, nothing is kept.
        trial: The trial.
    """
    path = trial_folder(Path(folder), trial.number) / LOG if folder and not get_rank() else None
    with contextlib.closing(TrialLog(path)) as log, contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(log))  # pycocotools and others print
        if log.kept:
            stack.enter_context(contextlib.redirect_stderr(log))
            stack.enter_context(warnings.catch_warnings())  # those that an earlier trial has seen are told again
            log.write(_heading(trial))
        yield log


def last_word(outcome: Outcome, settings: ProxySettings) -> str:
    """A line that says what came of a trial."""
    if outcome.score is None:
        found = outcome.reason.strip().rpartition('\n')[2]
    else:
        found = f'{settings.metric} {settings.value(outcome.metrics):.6g}'
    return f'{outcome.state.value} after {outcome.seconds:.1f} s: {found}\n'


def _heading(trial: Trial) -> str:
    when, where = time.strftime('%Y-%m-%d %H:%M:%S'), f'{platform.node()}:{os.getpid()}'
    lines = [f'trial {trial.number}, {trial.role.value}, seed {trial.seed}, {when}, {where}']
    texts = trial.genome.to_text() if trial.genome else {}
    lines += [f'  {branch}: {text}  (weight {trial.weights.get(branch, 1.0):.6g})' for branch, text in texts.items()]
    return '\n'.join(lines) + '\n'


@contextlib.contextmanager
def logged(logger: logging.Logger, log: TrialLog) -> Iterator[None]:
    """What a Runner logs goes to the log of the trial, too."""
    handler = logging.StreamHandler(log)
    handler.setLevel(logging.INFO)
    handler.setFormatter(_FORMAT)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
