"""Scores of re-identification for the ``val_evaluator`` of mmdet's configs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric

from mmautoloss.checks import require_whole
from mmautoloss.evaluation.embeddings import labelled_embedding
from mmautoloss.evaluation.identities import identity_scores
from mmautoloss.evaluation.patterns import compiled, group_of
from mmautoloss.registry import METRICS, register


@register(METRICS, everywhere=True)
class IdentityMetric(BaseMetric):
    """mAP and rank k (``R1``) of embeddings, in [0, 1] and never rounded.

    mmdet's ``ReIDMetrics`` rounds to three digits, so that many losses of a search would have one score; it also takes the
    nearest image for the query itself, whichever it is. Without ``query`` and ``camera`` both agree otherwise. With
    ``query=r'query/'`` and ``camera=r'_c(\\d)'`` it is the protocol of Market-1501.

    Args:
        ranks: The k of ``Rk``.
        query: Regular expression of the paths of images that are queries; the others are the gallery. Default: all are
            both.
        camera: Regular expression whose first group is the camera in a path: images of the identity and the camera of the
            query are left out. Default: none are.
        collect_device: ``'cpu'`` or ``'gpu'``, as in ``BaseMetric``.
        prefix: Prefix of the names in logs; default none.
        collect_dir: Folder for exchange between processes, as in ``BaseMetric``.

    Raises:
        SetupError: A setting has no meaning, or a path has no camera.
    """

    def __init__(
        self,
        ranks: Sequence[int] = (1, 5, 10),
        query: str | None = None,
        camera: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        for rank in ranks:
            require_whole('IdentityMetric.ranks', rank, least=1)
        self.ranks = tuple(ranks)
        self.query = compiled('IdentityMetric.query', query)
        self.camera = compiled('IdentityMetric.camera', camera, groups=1)

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keeps a batch.

        Args:
            data_batch: Not used.
            data_samples: For each image ``pred_feature`` (D,), ``gt_label`` with one ``label``, and ``img_path`` where paths
                are asked for, as those of mmdet's ``BaseReID``.
        """
        for sample in data_samples:
            path = str(sample.get('img_path', ''))
            self.results.append(
                {
                    **labelled_embedding(sample),
                    'query': bool(self.query is None or self.query.search(path)),
                    'camera': _number(self.camera, path),
                }
            )

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Scores of all images together.

        Args:
            results: What ``process`` kept.
        """
        columns = {name: torch.tensor([result[name] for result in results]) for name in ('label', 'query', 'camera')}
        return identity_scores(
            torch.stack([result['feature'] for result in results]),
            columns['label'],
            self.ranks,
            queries=None if self.query is None else columns['query'],
            cameras=None if self.camera is None else columns['camera'],
        )


def _number(pattern: re.Pattern[str] | None, path: str) -> int:
    """A number of the camera in a path, the same in every process; 0 if cameras do not count."""
    found = group_of('IdentityMetric.camera', pattern, path) if pattern else ''
    return int.from_bytes(found.encode()[:7], 'big')
