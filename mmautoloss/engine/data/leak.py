"""Checks that losses are not judged on images that their search has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config

from mmautoloss.engine.data.datasets import data_sets
from mmautoloss.engine.data.final_split import final_split_of
from mmautoloss.engine.data.locations import ImageFiles, share_images
from mmautoloss.errors import SetupError


def require_apart(search: Config, base: Config) -> None:
    """Checks that candidates are not scored on the images on which the result is to be judged (``final_split_of``).

    Compares files and ``indices`` (``share_images``).

    Raises:
        SetupError: Both use the same images.
    """
    judging = f'{final_split_of(base)}_dataloader'
    shared = _shared(search, ['val_dataloader'], base, judging)
    if shared:
        raise SetupError(
            f'The candidates of this search would be scored on {shared}, which the {judging} of '
            'its base config reads as well: the result would have seen the images on which it is judged. Hold '
            'out a part of the training set (mmautoloss split) and name it in val_dataloader, or, if this is '
            'meant, set train_cfg.allow_leak=True.'
        )


def require_unseen(search: Mapping[str, Any], base: Config) -> None:
    """Checks that a search does not use the images on which its losses are to be judged (``final_split_of``).

    Args:
        search: The search config.
        base: The plain config that is trained with the losses.

    Raises:
        SetupError: Both use the same images.
    """
    judging = f'{final_split_of(base)}_dataloader'
    shared = _shared(search, ['train_dataloader', 'val_dataloader'], base, judging)
    if shared:
        raise SetupError(
            f'The search has trained or scored its candidates on {shared}, which {judging} of the config that is to be '
            'trained reads as well, so its losses would be judged on images that they have seen. Give that config a '
            'test_dataloader with other images.'
        )


def _shared(search: Mapping[str, Any], loaders: Sequence[str], base: Config, judging: str) -> str | None:
    """The location of images that both configs read; None if there are none."""
    for seen in data_sets(search, loaders):
        for other in data_sets(base, [judging]):
            if share_images(seen, other):
                return str(ImageFiles.of(seen)) or str(seen['data_root'])
    return None
