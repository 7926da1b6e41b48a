"""Objects that annotators overlooked on purpose, for trainings whose losses are to bear it."""

from __future__ import annotations

import random
from typing import Any

from mmautoloss.checks import require_number, require_whole
from mmautoloss.errors import SetupError
from mmautoloss.registry import TRANSFORMS, register


@register(TRANSFORMS)
class MissingInstances:
    """Takes objects out of the annotations of an image: always the same ones, by seed and position.

    It stands in the pipeline of a training before ``LoadAnnotations``, so that boxes and masks go together. Trainings of
    all losses see the same objects. The position is that of the image in the innermost data set (``sample_idx``).

    Args:
        rate: Share of the objects that are missing, from 0 to 1: each is so with this probability.
        seed: Seed of the choice.

    Raises:
        SetupError: A setting has no meaning, or a sample has no list of ``instances``.
    """

    def __init__(self, rate: float, seed: int = 0) -> None:
        require_number('MissingInstances.rate', rate, least=0, most=1)
        require_whole('MissingInstances.seed', seed)
        self.rate, self.seed = rate, seed

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """The annotations of an image without some of its objects."""
        instances = results.get('instances')
        if not isinstance(instances, list) or 'sample_idx' not in results:
            raise SetupError(
                f'MissingInstances needs a list of instances and a sample_idx, as the data sets of mmdet give them, but got '
                f'{", ".join(sorted(results))}.'
            )
        # a text is a seed by its digest, the same in every process
        rng = random.Random(f'{self.seed} {results["sample_idx"]}')
        return {**results, 'instances': [each for each in instances if rng.random() >= self.rate]}

    def __repr__(self) -> str:
        return f'{type(self).__name__}(rate={self.rate}, seed={self.seed})'
