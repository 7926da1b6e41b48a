"""How well embeddings find images of the same identity: mAP and the cumulative matching characteristic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from mmautoloss.errors import SetupError

_ROWS = 512
"""Queries that are ranked at once."""


def identity_scores(
    features: Tensor,
    labels: Tensor,
    ranks: Sequence[int] = (1, 5, 10),
    queries: Tensor | None = None,
    cameras: Tensor | None = None,
) -> dict[str, float]:
    """``mAP`` and, for each rank k, ``Rk``: the share of the queries with a match among their k nearest images.

    Each query is compared with all images that are no queries; without ``queries`` each image is one, and is compared with
    all others. mAP is the mean over the queries of the mean precision at each match, without interpolation. A query without
    a match to find counts nowhere. Of images at the same distance those of other identities come first, so that embeddings
    that are all the same score as they deserve. Nothing is rounded; embeddings that are not finite give NaN.

    Args:
        features: Embeddings (N, D).
        labels: Identities (N,).
        ranks: The k of ``Rk``.
        queries: Which images are queries, (N,) bool; None if all are.
        cameras: Camera of each image (N,): images of the identity and the camera of a query are left out of its ranking, as
            on Market-1501; None to rank all.

    Raises:
        SetupError: No query has a match.

    Example:
        >>> scores = identity_scores(torch.tensor([[0.0], [1.0], [1.5], [9.0]]), torch.tensor([0, 0, 1, 1]), ranks=[1])
        >>> {name: round(score, 3) for name, score in scores.items()}
        {'mAP': 0.708, 'R1': 0.5}
    """
    if not features.isfinite().all():
        return {name: float('nan') for name in ('mAP', *(f'R{rank}' for rank in ranks))}
    precision, first = (
        zip(*_rankings(features.double(), labels, queries, cameras), strict=True) if len(labels) else ((), ())
    )
    precisions, places = torch.cat(precision or [torch.zeros(0)]), torch.cat(first or [torch.zeros(0)])
    if not len(precisions):
        raise SetupError(f'No query of {len(labels)} images has another image of its identity: nothing can be scored.')
    shares = {f'R{rank}': float((places < rank).double().mean()) for rank in ranks}
    return {'mAP': float(precisions.mean()), **shares}


def _rankings(
    features: Tensor, labels: Tensor, queries: Tensor | None, cameras: Tensor | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Of blocks of queries with a match the average precision, and the place of the first match from 0 on."""
    asked = torch.arange(len(labels)) if queries is None else queries.nonzero().flatten()
    for rows in asked.split(_ROWS):
        left_out = rows[:, None] == torch.arange(len(labels)) if queries is None else queries.expand(len(rows), -1)
        match = labels[rows, None] == labels
        if cameras is not None:
            left_out = left_out | (match & (cameras[rows, None] == cameras))
        match = match & ~left_out
        distances = torch.cdist(features[rows], features).masked_fill(left_out, torch.inf)
        others_first = match.byte().argsort(dim=1, stable=True)
        order = others_first.gather(1, distances.gather(1, others_first).argsort(dim=1, stable=True))
        hits = match.gather(1, order)[match.any(dim=1)].double()
        places = torch.arange(1, len(labels) + 1)
        yield (hits.cumsum(dim=1) / places * hits).sum(dim=1) / hits.sum(dim=1), hits.argmax(dim=1)
