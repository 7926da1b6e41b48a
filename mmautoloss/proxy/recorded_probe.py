"""The probe of a branch, made of the calls of its loss that were recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mmautoloss.branches import Branch
from mmautoloss.errors import SetupError
from mmautoloss.evaluation import SEGMENTATION_METRICS
from mmautoloss.screen import Probe, Sample


def make_probe(model: nn.Module, branch: Branch, samples: list[Sample], monitored: Sequence[str]) -> Probe:
    """The probe of a branch from what was recorded of its loss.

    Args:
        model: The model.
        branch: The branch.
        samples: Its calls, one for each image or group of images.
        monitored: Keys of the metrics that the search maximises.

    Raises:
        SetupError: There is nothing to judge a loss by.
    """
    if not samples:
        raise SetupError(f'The loss at {branch.path!r} was not called on any of the probe images. Leave it out.')
    scaling = _scaling(model, branch, samples[0])
    metric = _metric(branch, samples[0], monitored, scaling)
    probe = Probe(branch.inputs, metric, tuple(samples), scaling)
    with place_of(branch):
        joined = probe.joined()
    if not len(joined.pred):
        raise SetupError(
            f'The loss at {branch.path!r} was only called without positives on the probe images. '
            'Raise screen.samples in train_cfg, or leave images without objects out (filter_empty_gt=True).'
        )
    return probe


def _metric(branch: Branch, sample: Sample, monitored: Sequence[str], scaling: Mapping[str, Tensor]) -> str:
    """The monitored metric for semantic segmentation; for every other branch, the metric of its kind."""
    if branch.inputs == 'bins' and branch.settings.get('activated') and not _are_distributions(sample.target):
        return 'softmax_recall'  # likelihoods of bins, as of RTMO: the most likely is wanted
    if branch.inputs == 'delta' and not scaling:
        return 'closeness'
    if branch.inputs == 'sigmoid' and sample.target.is_floating_point() and sample.pred.dim() == 2:
        largest = float(sample.target.max()) if sample.target.numel() else 0.0
        if 0 < largest <= 0.5:  # as of a head that learns the IoU of its boxes, at the beginning
            return 'score_closeness'
    if branch.inputs == 'softmax' and sample.pred.dim() == 4:
        names = [name.rpartition('/')[2] for name in monitored]
        return next((name for name in names if name in SEGMENTATION_METRICS), 'mIoU')
    return branch.kind.metric


def _are_distributions(target: Tensor) -> bool:
    return bool(((target.sum(dim=1) - 1).abs() < 1e-2).all())


def _scaling(model: nn.Module, branch: Branch, sample: Sample) -> dict[str, Tensor]:
    """Means and standard deviations by which box deltas are normalised; none if the values are no deltas of boxes."""
    if branch.inputs != 'delta' or sample.pred.shape[1:] != (4,):
        return {}
    coder: Any = getattr(branch.head(model), 'bbox_coder', None)
    if not (hasattr(coder, 'means') and hasattr(coder, 'stds')):
        return {}
    return {'means': torch.tensor(coder.means), 'stds': torch.tensor(coder.stds)}


@contextmanager
def place_of(branch: Branch) -> Iterator[None]:
    """Adds the path of the branch to an error about the shapes of its calls."""
    try:
        yield
    except (SetupError, RuntimeError) as error:
        raise SetupError(
            f'The loss at {branch.path!r} cannot be searched: {error} Or leave this branch out.'
        ) from None
