"""One-shot classification: to which of a few classes, each known by one image, does an image belong?"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mmautoloss.errors import SetupError


class Run(NamedTuple):
    """One classification of several images.

    Attributes:
        support: Positions (K,) of the images by which the classes are known, one each.
        test: Positions (T,) of the images that are classified.
    """

    support: Tensor
    test: Tensor


def one_shot_accuracy(features: Tensor, labels: Tensor, runs: Sequence[Run]) -> float:
    """Share of the tested images whose nearest support is that of their class, over all runs.

    Distances are Euclidean. An image that is as near to another class counts as wrong, so that embeddings that are all the
    same score 0. NaN if an embedding is not finite.

    Args:
        features: Embeddings (N, D).
        labels: Classes (N,).
        runs: The runs; in each the classes of the supports differ.
    """
    if not features.isfinite().all():
        return float('nan')
    right = [_right(features.double(), labels, run) for run in runs]
    return float(torch.cat(right).double().mean())


def _right(features: Tensor, labels: Tensor, run: Run) -> Tensor:
    distances = torch.cdist(features[run.test], features[run.support], compute_mode='donot_use_mm_for_euclid_dist')
    own = labels[run.test, None] == labels[run.support]
    return distances.where(own, torch.inf).amin(dim=1) < distances.where(~own, torch.inf).amin(dim=1)


def draw_runs(labels: Tensor, ways: int, count: int, seed: int) -> list[Run]:
    """Random runs: ``ways`` classes in each, of every class one support and one test, always the same.

    Args:
        labels: Classes (N,), of which those with a single image are left out.
        ways: Number of classes in a run.
        count: Number of runs.
        seed: Seed of the draw.

    Raises:
        SetupError: There are too few classes.
    """
    positions = {label: (labels == label).nonzero().flatten().tolist() for label in labels.unique().tolist()}
    classes = [label for label, images in positions.items() if len(images) > 1]
    if len(classes) < ways:
        raise SetupError(f'A run needs {ways} classes with two images or more, but there are {len(classes)}.')
    rng = random.Random(seed)
    return [_run([rng.sample(positions[label], 2) for label in rng.sample(classes, ways)]) for _ in range(count)]


def _run(pairs: list[list[int]]) -> Run:
    support, test = torch.tensor(pairs).T
    return Run(support, test)


def given_runs(names: Sequence[str], supports: Sequence[bool]) -> Iterator[Run]:
    """The runs of a published test, in order of their names.

    Args:
        names: Name of the run of each image.
        supports: Whether an image is a support.

    Raises:
        SetupError: A run lacks supports or tests.
    """
    for name in sorted(set(names)):
        images = [index for index, of in enumerate(names) if of == name]
        support, test = ([index for index in images if supports[index] == is_one] for is_one in (True, False))
        if not support or not test:
            raise SetupError(f'The run {name!r} has {len(support)} supports and {len(test)} tests; it needs both.')
        yield Run(torch.tensor(support), torch.tensor(test))
