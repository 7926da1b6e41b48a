"""Tasks whose best loss is known, to test whether a search finds it; each is trained within 0.2 s on the CPU.

Name this module in ``custom_imports`` to use its classes in a config; ``truth_config`` makes a search of a task.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS
from torch import Tensor, nn
from torch.utils.data import Dataset

from mmautoloss.losses import known_loss
from mmautoloss.testing.toy import ToyCoder
from mmautoloss.testing.toy_searches import BASE, SEARCH, changed, write_searches

FEATURES, ROWS = 4, 64
_NUMBERS = itertools.count()
ITERATIONS = 60


class Truth(NamedTuple):
    """A task.

    Attributes:
        draw: Draws vectors (N, ``FEATURES``) and targets, from a number of samples, a generator, and whether to add the
            noise of training.
        measure: The metric, higher is better, from predictions (N, C) and targets.
        outputs: C.
        clean: Whether validation is without the noise of training.
        hand_made: The usual loss, a name of ``losses.ZOO``.
        best: The best loss.
        inputs: Kind of input.
        trials: Number of trainings in a search.
        why: Why that loss is the best.
    """

    draw: Callable[[int, torch.Generator, bool], tuple[Tensor, Tensor]]
    measure: Callable[[Tensor, Tensor], float]
    outputs: int
    clean: bool
    hand_made: str
    best: str
    inputs: str
    trials: int
    why: str


def _skewed(count: int, rng: torch.Generator, noisy: bool) -> tuple[Tensor, Tensor]:
    x = torch.randn(count, FEATURES, generator=rng)
    tail = -torch.log(torch.rand(count, FEATURES, generator=rng)) * 3.0
    hit = torch.rand(count, FEATURES, generator=rng) < 0.3
    return x, x / 2 + 0.1 * torch.randn(count, FEATURES, generator=rng) + hit * tail


def _strays(count: int, rng: torch.Generator, noisy: bool) -> tuple[Tensor, Tensor]:
    x = torch.randn(count, FEATURES, generator=rng)
    labels = x[:, :3].argmax(1)
    if not noisy:
        return x, labels
    stray = torch.rand(count, generator=rng) < 0.25
    return torch.where(stray[:, None], 6 * x, x), torch.where(stray, (labels + 1) % 3, labels)


def _rare(count: int, rng: torch.Generator, noisy: bool) -> tuple[Tensor, Tensor]:
    chances = torch.tensor([0.9, 0.07, 0.03])
    labels = torch.multinomial(chances, count, replacement=True, generator=rng)
    middles = torch.eye(3, FEATURES) * 1.5
    return middles[labels] + torch.randn(count, FEATURES, generator=rng), labels


def _accuracy(scores: Tensor, labels: Tensor) -> float:
    return float((scores.argmax(1) == labels).double().mean())


def _mean_recall(scores: Tensor, labels: Tensor) -> float:
    right = (scores.argmax(1) == labels).double()
    return float(torch.stack([right[labels == label].mean() for label in labels.unique()]).mean())


def _closeness(values: Tensor, targets: Tensor) -> float:
    return 1 / (1 + float((values - targets).abs().double().mean()))


TRUTHS: dict[str, Truth] = {
    'skewed': Truth(
        *(_skewed, _closeness, FEATURES, False, 'mse', 'abs(p - y)', 'delta', 16),
        'the absolute error is least at the median, squares lead to the mean, which a one-sided tail draws away',
    ),
    'strays': Truth(
        *(_strays, _accuracy, 3, True, 'ce', '-p * y', 'softmax', 48),
        'a quarter of the training labels is wrong, far outside: a bounded loss gives them up (Ghosh et al., AAAI 2017)',
    ),
    'rare': Truth(
        *(_rare, _mean_recall, 3, True, 'ce', '-y * log(p) / mean_nhw(y)', 'softmax', 300),
        'recall counts each class alike, so each must weigh alike: divided by how often it occurs',
    ),
}
"""The tasks by name: a skewed tail with the absolute error, wrong labels, and rare classes."""


@DATASETS.register_module()
class TruthSamples(Dataset):
    """Samples of a task, in groups of ``ROWS``, as an image gives a loss many rows.

    Args:
        task: A name of ``TRUTHS``.
        length: Number of groups.
        seed: Of the samples.
        noisy: Whether to add the noise of training.
    """

    def __init__(self, task: str, length: int, seed: int, noisy: bool) -> None:
        rng = torch.Generator().manual_seed(seed)
        self.x, self.y = (part.unflatten(0, (length, ROWS)) for part in TRUTHS[task].draw(length * ROWS, rng, noisy))

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {'x': self.x[index], 'y': self.y[index]}


@MODELS.register_module()
class TruthHead(nn.Module):
    """A linear map and its loss.

    Args:
        outputs: Numbers a sample.
        loss: Config of the loss.
    """

    def __init__(self, outputs: int, loss: dict[str, Any]) -> None:
        super().__init__()
        self.linear = nn.Linear(FEATURES, outputs)
        self.loss = MODELS.build(loss)
        self.bbox_coder, self.reg_decoded_bbox = ToyCoder(), False  # the screen takes values for deltas of boxes


@MODELS.register_module()
class TruthModel(BaseModel):
    """A model whose head reads the vectors themselves.

    Args:
        head: Config of the head.
        data_preprocessor: As in any model of MMEngine.
    """

    def __init__(self, head: dict[str, Any], data_preprocessor: dict[str, Any] | None = None) -> None:
        super().__init__(data_preprocessor)
        self.head = MODELS.build(head)

    def forward(self, x: Tensor, y: Tensor, mode: str = 'tensor') -> Any:
        pred = self.head.linear(x)
        if mode == 'loss':
            return {'loss': self.head.loss(pred.flatten(0, 1), y.flatten(0, 1), avg_factor=float(y.shape[:2].numel()))}
        return [{'pred': p, 'y': t} for p, t in zip(pred, y, strict=True)] if mode == 'predict' else pred


@METRICS.register_module()
class TruthMetric(BaseMetric):
    """``truth/score``, the metric of a task.

    Args:
        task: A name of ``TRUTHS``.
    """

    default_prefix = 'truth'

    def __init__(self, task: str) -> None:
        super().__init__(collect_device='cpu')
        self.task = task

    def process(self, data_batch: object, data_samples: list[dict[str, Tensor]]) -> None:
        self.results.extend(data_samples)

    def compute_metrics(self, results: list[dict[str, Tensor]]) -> dict[str, float]:
        preds, targets = (torch.cat([sample[name] for sample in results]) for name in ('pred', 'y'))
        return {'score': TRUTHS[self.task].measure(preds, targets)}


def truth_config(
    folder: Path, task: str, changes: Mapping[str, Any] | None = None, base: Mapping[str, Any] | None = None
) -> Config:
    """A search of a task from its hand-made loss, with ``work_dir`` in the same folder.

    Args:
        folder: Where its files are written; made if absent.
        task: A name of ``TRUTHS``.
        changes: Settings of the search by dotted name.
        base: Settings of the plain config by dotted name.
    """
    plain = changed(_base(task), base or {})
    cfg = Config.fromfile(write_searches(folder, plain, {**SEARCH, **_search(task)}, changes or {}))
    cfg.work_dir = str(folder / 'work')
    cfg.experiment_name = f'{task}_{next(_NUMBERS)}'  # names by time alone would be equal within a second
    return cfg


def _base(task: str) -> dict[str, Any]:
    truth = TRUTHS[task]
    expression = known_loss(truth.hand_made, truth.inputs)
    loss = {'type': 'mmautoloss.SearchedLoss', 'expression': expression, 'inputs': truth.inputs}
    samples = {'type': 'TruthSamples', 'task': task}
    train = {**samples, 'length': 64, 'seed': 1, 'noisy': True}
    val = {**samples, 'length': 64, 'seed': 2, 'noisy': not truth.clean}
    return {
        **BASE,
        'custom_imports': {'imports': ['mmautoloss.testing.known_truths'], 'allow_failed_imports': False},
        'model': {'type': 'TruthModel', 'head': {'type': 'TruthHead', 'outputs': truth.outputs, 'loss': loss}},
        'train_dataloader': {**BASE['train_dataloader'], 'batch_size': 4, 'dataset': train},
        'val_dataloader': {**BASE['val_dataloader'], 'batch_size': 64, 'dataset': val},
        'val_evaluator': {'type': 'TruthMetric', 'task': task},
        'param_scheduler': [{'type': 'CosineAnnealingLR', 'by_epoch': False, 'T_max': ITERATIONS, 'eta_min': 0.0}],
    }


def _search(task: str) -> dict[str, Any]:
    truth = TRUTHS[task]
    return {
        'metric': 'truth/score',
        'branches': {'loss': {'path': 'head.loss', 'inputs': truth.inputs}},
        'proxy': {'schedule': {'type': 'IterBasedTrainLoop', 'max_iters': ITERATIONS}},
        'seeds': [truth.hand_made],
        'strategy': {
            **{'type': 'RegularizedEvolution', 'initial': 10, 'tournament': 0.1, 'copy_rate': 0.0},
            **{'fresh_rate': 0.2, 'mutations': 3, 'distinct': True},
        },
        'screen': {'samples': 2, 'steps': 40, 'lr': 0.2, 'eta': 0.6},
        'budget': {
            'max_trials': truth.trials,
            'baseline_repeats': 2,
            'finalists': 3,
            'finalist_repeats': 2,
            'allocation': 'equal',
            'confirm_seeds': 0,  # what is right is known
        },
        'describe': {'task': 'truth', 'set': task, 'network': 'linear'},
    }
