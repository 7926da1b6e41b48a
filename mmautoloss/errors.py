"""Every error that mmautoloss raises on purpose; all share one base."""

from __future__ import annotations


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
