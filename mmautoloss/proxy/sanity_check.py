"""Checks of the untrained model, before any training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mmautoloss.checks import nearest
from mmautoloss.errors import SetupError, in_setup
from mmautoloss.proxy.evaluator import ProxyEvaluator
from mmautoloss.proxy.settings import numbers
from mmautoloss.proxy.triplet_draws import require_triplets

_NOTHING = 0.01
"""Value of a few batches up to which chance is negligible."""


def require_metric(evaluator: ProxyEvaluator, others: Sequence[str] = ()) -> dict[str, float]:
    """Validates the untrained model on a batch, so that broken data or a misspelt name shows before any training.

    Args:
        evaluator: Has the model, the data and the monitored metric.
        others: Further metrics that are wanted, spelt like that one.

    Returns:
        The numbers of this validation.

    Raises:
        SetupError: Something cannot be built, or the metric is not among the results, or not a number. (An untrained model
            that predicts nothing gives no results; then the training of the baseline reveals the error.)
    """
    in_setup(evaluator.build)
    require_triplets(evaluator.runner.train_loop.dataloader.dataset)
    results = evaluator.validate_untrained()
    known = ', '.join(sorted(numbers(results))) or 'none'
    wanted = [*evaluator.settings.keys, *(key for metric in others for key in metric.split('+'))]
    for key in wanted if results else ():
        if key not in results:
            raise SetupError(
                f'metric {key!r} is not among the results of the validation: {", ".join(sorted(results))}'
                f'{nearest(key, results)}.'
            )
        if key not in numbers(results):
            kind = type(results[key]).__name__
            raise SetupError(
                f'metric {key!r} must be a number, but the validation gives a {kind}; numbers are: {known}.'
            )
    if results and not numbers(results):
        raise SetupError(f'The validation must give a number, but gives only {", ".join(sorted(results))}.')
    return numbers(results)


def untrained_value(evaluator: ProxyEvaluator, first: Mapping[str, float]) -> float | None:
    """The value of the metric without training; None where the model is a trained one, or gives none.

    It validates on all images, since many metrics depend on their number, unless a few tell that there is nothing.

    Args:
        evaluator: Has the model, the data and the monitored metric.
        first: The numbers of a validation of a few batches.
    """
    settings = evaluator.settings
    if settings.checkpoint or settings.config.get('load_from') or not first or not set(settings.keys) <= first.keys():
        return None
    value = settings.value(first)
    if settings.greater and value <= _NOTHING:
        return value
    whole = numbers(evaluator.validate_untrained(whole=True))
    value = settings.value(whole) if whole and set(settings.keys) <= whole.keys() else math.nan
    return value if math.isfinite(value) else None
