"""The files of a trial in the work dir of its search."""

from __future__ import annotations

from pathlib import Path

TRIALS = 'trials'
"""Folder of the work dir in which each trial has one of its own."""

LOG = 'log.txt'
"""What a trial and its libraries said."""

PREDICTIONS = 'predictions.npz'
"""What its network predicted on the first few validation images."""


def trial_folder(trials: Path, number: int) -> Path:
    """The folder of a trial.

    Example:
        >>> trial_folder(Path('work/trials'), 35).as_posix()
        'work/trials/00035'
    """
    return trials / f'{number:05d}'


def log_name(number: int) -> str:
    """The log of a trial, as seen from the work dir.

    Example:
        >>> log_name(35)
        'trials/00035/log.txt'
    """
    return (trial_folder(Path(TRIALS), number) / LOG).as_posix()
