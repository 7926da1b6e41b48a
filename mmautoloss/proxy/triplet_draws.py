"""Data sets that draw triplets: whether mmdet's sampler of triplets can work with their identities."""

from __future__ import annotations

from typing import Any

from mmautoloss.errors import SetupError


def require_triplets(dataset: Any) -> None:
    """Checks the identities of a data set whose samples are drawn by mmdet's ``ReIDDataset``.

    That sampler takes identities for positions, and otherwise fails in the middle of a training.

    Args:
        dataset: A built data set; one without a sampler of triplets passes.

    Raises:
        SetupError: The identities do not run from 0 on without gaps, ``indices`` leave images out, or there are too few.
    """
    sampler, images = getattr(dataset, 'triplet_sampler', None), getattr(dataset, 'index_dic', None)
    if not isinstance(sampler, dict) or not isinstance(images, dict):
        return
    identities = sorted(images)
    if identities != list(range(len(identities))):
        raise SetupError(
            f'The identities of a data set that draws triplets must run from 0 to {len(identities) - 1} without gaps, but '
            f"are {_shown(identities)}: use type='mmautoloss.IdentityList', or renumber them (mmautoloss split "
            '--identities).'
        )
    if sum(map(len, images.values())) != len(dataset):
        raise SetupError(
            'A data set that draws triplets cannot choose images by indices, since triplets are drawn from all: choose '
            "identities=[...] of type='mmautoloss.IdentityList', or hold out a part (mmautoloss split --identities)."
        )
    wanted = sampler.get('num_ids', 8)
    if wanted > len(identities):
        raise SetupError(
            f'triplet_sampler draws {wanted} identities, but there are {len(identities)}: lower its num_ids.'
        )


def _shown(identities: list[int]) -> str:
    return ', '.join(map(str, identities[:5])) + (', ...' if len(identities) > 5 else '')
