"""Checks of the untrained model, before any training."""

from __future__ import annotations

from collections.abc import Sequence

from mmautoloss.errors import SetupError, in_setup
from mmautoloss.proxy.evaluator import ProxyEvaluator
from mmautoloss.proxy.settings import numbers
from mmautoloss.proxy.triplet_draws import require_triplets


def require_metric(evaluator: ProxyEvaluator, others: Sequence[str] = ()) -> None:
    """Validates the untrained model on a batch, so that broken data or a misspelt name shows before any training.

    Args:
        evaluator: Has the model, the data and the monitored metric.
        others: Further metrics that are wanted, spelt like that one.

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
                f'metric {key!r} is not among the results of the validation: {", ".join(sorted(results))}.'
            )
        if key not in numbers(results):
            kind = type(results[key]).__name__
            raise SetupError(
                f'metric {key!r} must be a number, but the validation gives a {kind}; numbers are: {known}.'
            )
    if results and not numbers(results):
        raise SetupError(f'The validation must give a number, but gives only {", ".join(sorted(results))}.')
