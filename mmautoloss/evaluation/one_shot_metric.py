"""One-shot accuracy for the ``val_evaluator`` of mmdet's configs of re-identification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric

from mmautoloss.checks import require_whole
from mmautoloss.errors import SetupError
from mmautoloss.evaluation.embeddings import labelled_embedding
from mmautoloss.evaluation.one_shot import draw_runs, given_runs, one_shot_accuracy
from mmautoloss.evaluation.patterns import compiled, group_of
from mmautoloss.registry import METRICS, register


@register(METRICS, everywhere=True)
class OneShotMetric(BaseMetric):
    """``one_shot``, the share of images whose class is told from one image of each of a few classes, from 0 to 1.

    Runs are drawn, the same ones in every training, or given by the paths: those of Omniglot (Lake et al., Science 2015) by
    ``run=r'(run\\d+)/'`` and ``support='support_'``. Images are classified by the nearest embedding.

    Args:
        ways: Number of classes of a drawn run.
        runs: Number of drawn runs.
        seed: Seed of the draw.
        run: Regular expression whose first group is the run in a path; with it, no runs are drawn.
        support: Regular expression of the paths of images by which classes are known.
        collect_device: ``'cpu'`` or ``'gpu'``, as in ``BaseMetric``.
        prefix: Prefix of the names in logs; default none.
        collect_dir: Folder for exchange between processes, as in ``BaseMetric``.

    Raises:
        SetupError: A setting has no meaning, or there are too few classes.
    """

    def __init__(
        self,
        ways: int = 20,
        runs: int = 200,
        seed: int = 0,
        run: str | None = None,
        support: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        require_whole('OneShotMetric.ways', ways, least=2)
        require_whole('OneShotMetric.runs', runs, least=1)
        require_whole('OneShotMetric.seed', seed)
        if (run is None) != (support is None):
            raise SetupError('OneShotMetric needs run and support, or none of them, to draw the runs.')
        self.ways, self.runs, self.seed = ways, runs, seed
        self.run = compiled('OneShotMetric.run', run, groups=1)
        self.support = compiled('OneShotMetric.support', support)

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keeps a batch.

        Args:
            data_batch: Not used.
            data_samples: For each image ``pred_feature`` (D,), ``gt_label`` with one ``label``, and ``img_path`` where runs
                are given, as those of mmdet's ``BaseReID``.
        """
        for sample in data_samples:
            path = str(sample.get('img_path', ''))
            self.results.append(
                {
                    **labelled_embedding(sample),
                    'run': group_of('OneShotMetric.run', self.run, path) if self.run else '',
                    'support': bool(self.support and self.support.search(path)),
                }
            )

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The accuracy over all runs.

        Args:
            results: What ``process`` kept.
        """
        labels = torch.tensor([result['label'] for result in results])
        names, supports = ([result[key] for result in results] for key in ('run', 'support'))
        runs = list(given_runs(names, supports)) if self.run else draw_runs(labels, self.ways, self.runs, self.seed)
        return {'one_shot': one_shot_accuracy(torch.stack([result['feature'] for result in results]), labels, runs)}
