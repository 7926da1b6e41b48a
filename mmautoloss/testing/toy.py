"""A stand-in for a detector: classes and box deltas of vectors, trained within 0.1 s on the CPU.

It calls its two losses as mmdet's box heads do, but needs MMEngine only. Name this module in
``custom_imports`` to use its classes in a config.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS
from torch import Tensor, nn
from torch.utils.data import Dataset

from mmautoloss.screen.value_metrics import delta_iou
from mmautoloss.testing.fault_injection import Faults, read_faults

FEATURES, CLASSES, ROWS = 8, 3, 8
"""Length of a vector, foreground classes (background is the next label), vectors of an image."""

_NORMS = {'means': [0.0] * 4, 'stds': [0.1, 0.1, 0.2, 0.2]}


@DATASETS.register_module()
class ToyScenes(Dataset):
    """Images of ``ROWS`` vectors; labels and deltas are fixed functions of the vectors.

    Args:
        length: Number of images.
        seed: Seed of the vectors.
    """

    def __init__(self, length: int = 32, seed: int = 0) -> None:
        rule = torch.Generator().manual_seed(12345)
        classify = torch.randn(FEATURES, CLASSES + 1, generator=rule)
        place = torch.randn(FEATURES, 4, generator=rule) / FEATURES**0.5
        self.x = torch.randn(length, ROWS, FEATURES, generator=torch.Generator().manual_seed(seed))
        self.labels = (self.x @ classify).argmax(dim=2)
        self.deltas = self.x @ place

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {'x': self.x[index], 'labels': self.labels[index], 'deltas': self.deltas[index]}


@MODELS.register_module()
class ToyCrossEntropy(nn.Module):
    """Softmax cross-entropy with the call convention and the attribute of mmdet's."""

    use_sigmoid = False

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
    ) -> Tensor:
        rows = F.cross_entropy(pred, target, reduction='none')
        rows = rows if weight is None else rows * weight
        return self.loss_weight * rows.sum() / (len(rows) if avg_factor is None else avg_factor)


@MODELS.register_module()
class ToyL1(nn.Module):
    """Absolute error with the call convention of mmdet's ``L1Loss``."""

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
    ) -> Tensor:
        error = (pred - target).abs()
        error = error if weight is None else error * weight
        return self.loss_weight * error.sum() / (error.numel() if avg_factor is None else avg_factor)


class ToyCoder:
    """The two attributes of mmdet's ``DeltaXYWHBBoxCoder`` that matter here."""

    means = _NORMS['means']
    stds = _NORMS['stds']


@MODELS.register_module()
class ToyHead(nn.Module):
    """Class scores and deltas, each with a loss; boxes count where the label is foreground.

    Args:
        loss_cls: Config of the class loss.
        loss_box: Config of the box loss.
        reg_decoded_bbox: As in mmdet's heads; only read, without an effect.
    """

    def __init__(self, loss_cls: dict, loss_box: dict, reg_decoded_bbox: bool = False) -> None:
        super().__init__()
        self.cls = nn.Linear(16, CLASSES + 1)
        self.box = nn.Linear(16, 4)
        self.loss_cls = MODELS.build(loss_cls)
        self.loss_box = MODELS.build(loss_box)
        self.bbox_coder = ToyCoder()
        self.reg_decoded_bbox = reg_decoded_bbox

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls(features), self.box(features)

    def loss(self, features: Tensor, labels: Tensor, deltas: Tensor) -> dict[str, Tensor]:
        scores, boxes = (part.flatten(0, 1) for part in self(features))
        labels, deltas = labels.flatten(), deltas.flatten(0, 1)
        ones, foreground, count = torch.ones_like(labels).float(), labels < CLASSES, len(labels)
        weight = torch.ones_like(deltas[foreground])
        return {
            'loss_cls': self.loss_cls(scores, labels, ones, avg_factor=float(count)),
            'loss_box': self.loss_box(boxes[foreground], deltas[foreground], weight, avg_factor=count),
        }


@MODELS.register_module()
class ToyDetector(BaseModel):
    """One hidden layer with batch norm and dropout, so that there is state to reset.

    Args:
        head: Config of the head.
        faults: Faults in training (``testing.fault_injection``).
        plain: Without batch norm and dropout, which depend on how a batch is split between processes.
        data_preprocessor: As in any model of MMEngine.
    """

    def __init__(
        self,
        head: dict,
        faults: dict | None = None,
        plain: bool = False,
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor)
        self.hidden = nn.Linear(FEATURES, 16)
        self.norm = nn.Identity() if plain else nn.BatchNorm1d(16)
        self.dropout = 0.0 if plain else 0.1
        self.head = MODELS.build(head)
        self.faults: Faults = read_faults(faults)
        self.faults.enter('build')

    def forward(self, x: Tensor, labels: Tensor, deltas: Tensor, mode: str = 'tensor'):
        hidden = self.norm(self.hidden(x).flatten(0, 1)).view(*x.shape[:2], -1)
        features = F.dropout(hidden.relu(), self.dropout, self.training)
        if mode == 'loss':
            return self.faults.strike(self.head.loss(features, labels, deltas), self.head.loss_cls)
        scores, boxes = self.head(features)
        if mode == 'tensor':
            return scores, boxes
        self.faults.enter('validate')
        samples = zip(scores, boxes, labels, deltas, strict=True)
        return [dict(zip(('scores', 'boxes', 'labels', 'deltas'), sample, strict=True)) for sample in samples]


@METRICS.register_module()
class ToyMetric(BaseMetric):
    """``toy/score``, the mean of accuracy and IoU (higher is better), and ``toy/error``, 1 - score.

    Args:
        fault: ``'raise'``, ``'silent'`` (reports nothing), ``'nan'`` (the score) or ``'stray'`` (another
            value that is NaN).
    """

    default_prefix = 'toy'

    def __init__(self, fault: str | None = None) -> None:
        super().__init__(collect_device='cpu')
        self.fault = read_faults({}).metric or fault

    def process(self, data_batch: object, data_samples: list[dict[str, Tensor]]) -> None:
        self.results.extend(data_samples)

    def compute_metrics(self, results: list[dict[str, Tensor]]) -> dict[str, float]:
        if self.fault == 'raise':
            raise RuntimeError('the toy metric raises')
        if self.fault == 'silent':
            return {}
        scores, boxes, labels, deltas = (
            torch.cat([sample[name] for sample in results]) for name in ('scores', 'boxes', 'labels', 'deltas')
        )
        foreground = labels < CLASSES
        scaling = {name: torch.tensor(norm) for name, norm in _NORMS.items()}
        right = float((scores.argmax(dim=1) == labels).double().mean())
        score = (right + delta_iou(boxes[foreground], deltas[foreground], scaling)) / 2
        score = float('nan') if self.fault == 'nan' else score
        stray = {'stray': float('nan')} if self.fault == 'stray' else {}
        return {'score': score, 'error': 1 - score, **stray}
