"""The errors of mmautoloss, all with one base class, and the conversion of errors of a config."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar('T')

_ADVICE = '. Please check whether the value of'
"""Beginning of MMEngine's advice in its message about an unknown type."""


class MMAutoLossError(Exception):
    """Base class of all errors of this package."""


class SetupError(MMAutoLossError, ValueError):
    """An invalid setting, path or data set; raised before the work starts."""


class ExpressionError(MMAutoLossError, ValueError):
    """A text or sequence of nodes that is not a loss expression."""


class JournalError(MMAutoLossError, RuntimeError):
    """A journal that cannot be read, written or continued."""


class CalibrationError(MMAutoLossError, RuntimeError):
    """The rejection test does not distinguish a hand-made loss from a useless one."""


class TrainingError(MMAutoLossError, RuntimeError):
    """A training failed; the message gives the reason."""


class NonFiniteLoss(MMAutoLossError, ArithmeticError):
    """NaN or Inf occurred in a training."""


class StoppedAtRung(MMAutoLossError):
    """A candidate was stopped at its rung: its score was below the bar, or missing, as the message then says."""


class TimeLimitExceeded(MMAutoLossError, TimeoutError):
    """A trial exceeded its time limit."""


@contextmanager
def in_task(name: str) -> Iterator[None]:
    """Names the task in a ``SetupError``; '' names none."""
    try:
        yield
    except SetupError as error:
        if not name:
            raise
        raise SetupError(f'Task {name}: {error}') from error


def in_setup(work: Callable[[], T], part: str = 'The config') -> T:
    """Calls a function that builds from a part of a config; any error becomes a ``SetupError``."""
    try:
        return work()
    except MMAutoLossError:
        raise
    except Exception as error:  # of the user's model, data or metric
        raise SetupError(f'{part} cannot be built: {_one_sentence(error)}') from error


def _one_sentence(error: Exception) -> str:
    """The message of an exception in one line, without MMEngine's long advice about unknown types."""
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    text = ' '.join(str(text).split()).replace(_ADVICE, '. Correct its type, or name its module in custom_imports.\n')
    return f'{type(error).__name__}: {text}'.partition('\n')[0]
