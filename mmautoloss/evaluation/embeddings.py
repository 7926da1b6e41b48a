"""Embeddings of images with their identities, as metrics of re-identification keep them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def labelled_embedding(sample: Mapping[str, Any]) -> dict[str, Any]:
    """The embedding ``feature`` (D,) of an image on the CPU, and its identity ``label``.

    Args:
        sample: ``pred_feature`` (D,) and ``gt_label`` with one ``label``, as of mmdet's ``BaseReID``.
    """
    return {'feature': sample['pred_feature'].detach().float().cpu(), 'label': int(sample['gt_label']['label'])}
