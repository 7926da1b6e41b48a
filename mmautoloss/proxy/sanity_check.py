"""What is tried on the untrained model, before any training."""

from __future__ import annotations

from mmautoloss.errors import SetupError, in_setup
from mmautoloss.proxy.evaluator import ProxyEvaluator
from mmautoloss.proxy.settings import numbers


def require_metric(evaluator: ProxyEvaluator) -> None:
    """Builds all and validates the untrained model on a batch: broken data or a misspelt name shows before any training.

    Raises:
        SetupError: Something cannot be built, or the metric is not among the results, or no number. (An untrained model
            that predicts nothing gives no results; then the baseline will tell.)
    """
    in_setup(evaluator.build)
    found = evaluator.validate_untrained()
    known = ', '.join(sorted(numbers(found))) or 'none'
    for key in evaluator.settings.keys if found else ():
        if key not in found:
            raise SetupError(f'metric {key!r} is not among the results of the validation: {", ".join(sorted(found))}.')
        if key not in numbers(found):
            kind = type(found[key]).__name__
            raise SetupError(
                f'metric {key!r} must be a number, but the validation gives a {kind}; numbers are: {known}.'
            )
    if found and not numbers(found):
        raise SetupError(f'The validation must give a number, but gives only {", ".join(sorted(found))}.')
