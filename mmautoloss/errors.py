"""Every error that mmautoloss raises on purpose; all share one base. And how those of a config become one of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar('T')

_ADVICE = '. Please check whether the value of'
"""Where the second line of MMEngine's message on an unknown type begins."""


class MMAutoLossError(Exception):
    """Base of all errors of this package."""


class SetupError(MMAutoLossError, ValueError):
    """A setting, path or data set that cannot work; raised before work starts."""


class ExpressionError(MMAutoLossError, ValueError):
    """Text or a node sequence that is no loss expression."""


class JournalError(MMAutoLossError, RuntimeError):
    """A journal that cannot be read, written or continued."""


class CalibrationError(MMAutoLossError, RuntimeError):
    """The rejection test does not tell a hand-made loss from a useless one."""


class TrainingError(MMAutoLossError, RuntimeError):
    """A training that failed; the text says why."""


class NonFiniteLoss(MMAutoLossError, ArithmeticError):
    """Training met NaN or Inf."""


class StoppedAtRung(MMAutoLossError):
    """A candidate was worse at its rung than its bar, or had no score there: then the text says so."""


class TimeLimitExceeded(MMAutoLossError, TimeoutError):
    """A trial took longer than a trial may."""


def in_setup(work: Callable[[], T]) -> T:
    """Does what builds from a config: a SetupError instead of whatever that raises."""
    try:
        return work()
    except MMAutoLossError:
        raise
    except Exception as error:  # of the user's model, data or metric, whatever it may be
        raise SetupError(f'The config cannot be built: {_one_sentence(error)}') from error


def _one_sentence(error: Exception) -> str:
    """What an exception says, in a line; MMEngine's advice on an unknown type is longer than a line."""
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    text = ' '.join(str(text).split()).replace(_ADVICE, '. Correct its type, or name its module in custom_imports.\n')
    return f'{type(error).__name__}: {text}'.partition('\n')[0]
