"""The files of a trial in the work dir of its search."""

from __future__ import annotations

from pathlib import Path

TRIALS = 'trials'
"""Folder in the work dir that holds one folder per trial."""

LOG = 'log.txt'
"""Log of a trial and its libraries."""

PREDICTIONS = 'predictions.npz'
"""Predictions of its network on the first few validation images."""


def trial_folder(trials: Path, number: int) -> Path:
    """The folder of a trial.

    Example:
        >>> trial_folder(Path('work/trials'), 35).as_posix()
        'work/trials/00035'
    """
    return trials / f'{number:05d}'


def log_name(number: int) -> str:
    """Path of the log of a trial, relative to the work dir.

    Example:
        >>> log_name(35)
        'trials/00035/log.txt'
    """
    return (trial_folder(Path(TRIALS), number) / LOG).as_posix()
