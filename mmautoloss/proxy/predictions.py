"""What a network predicts on the first few validation images, kept as plain arrays."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmautoloss.proxy.settings import ProxySettings
from mmautoloss.proxy.trial_log import TrialLog
from mmautoloss.registry import HOOKS, register
from mmautoloss.trial import PREDICTIONS, Trial, trial_folder

_MOST = 50
"""Instances of an image that are kept, those with the highest scores."""

_INSTANCES = ('bboxes', 'labels', 'scores', 'masks', 'keypoints', 'keypoint_scores', 'bbox_scores')


@dataclass(frozen=True)
class Prediction:
    """What was predicted on one sample of a data set.

    Attributes:
        path: The image.
        identity: What tells it from other samples of the same image; '' where there is nothing.
        arrays: By name: ``bboxes`` (n, 4), ``labels`` (n), ``scores`` (n), ``masks`` (n, h, w) as booleans, ``keypoints``
            (n, k, 2), ``keypoint_scores`` (n, k), ``bbox_scores`` (n), ``sem_seg`` (h, w) as labels, ``heatmaps`` (k, h, w).
    """

    path: str
    identity: str = ''
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


class Predictions:
    """Gathers predictions while a validation runs.

    Args:
        most: How many images are wanted; all samples of these are kept.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.found: list[Prediction] = []
        self.error = ''
        self._paths: set[str] = set()

    def take(self, samples: Iterable[Any]) -> None:
        """Looks at the outputs of a batch; what cannot be read ends the gathering and is told by ``error``."""
        if len(self._paths) > self.most or self.error:
            return
        try:
            for sample in samples:
                path = str(_meta(sample).get('img_path', ''))
                self._paths.add(path)
                if len(self._paths) > self.most:
                    return
                arrays = _arrays(sample)
                if path and arrays:
                    self.found.append(Prediction(path, _identity(sample), arrays))
        except Exception as error:  # samples are the user's; the score must not depend on what is kept of them
            self.error = repr(error)

    def write(self, path: Path) -> str:
        """Writes what was found, if anything.

        Returns:
            Why it is not kept; '' where it is, or where there was nothing to keep.
        """
        if self.error or not self.found:
            return self.error
        try:
            write_predictions(path, self.found)
        except Exception as error:  # the disk; and text that is no text, such as a path with surrogates
            return repr(error)
        return ''


@contextlib.contextmanager
def kept_predictions(runner: Runner, settings: ProxySettings, trial: Trial, log: TrialLog) -> Iterator[None]:
    """Keeps what the validation within predicts on the first images, next to the log, where there is one."""
    if not log.kept or not settings.pictures:
        yield
        return
    runner.predictions = Predictions(settings.pictures)
    try:
        yield
    finally:
        found, runner.predictions = runner.predictions, None
    error = found.write(trial_folder(Path(settings.trials), trial.number) / PREDICTIONS)
    if error:
        log.write(f'The predictions are not kept: {error}\n')


@register(HOOKS)
class PredictionsHook(Hook):
    """Hands the outputs of the validation to the Runner's ``predictions``, where there are any to be gathered."""

    priority = 'LOWEST'

    def after_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Looks at the outputs of this batch."""
        if runner.predictions is not None:
            runner.predictions.take(outputs)


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """Writes predictions as arrays of an ``.npz`` file; masks as one bit a pixel.

    Raises:
        OSError: The disk refuses.
    """
    fields: dict[str, np.ndarray] = {}
    for index, each in enumerate(predictions):
        fields[f'{index}.path'], fields[f'{index}.identity'] = np.array(each.path), np.array(each.identity)
        for name, array in each.arrays.items():
            if name == 'masks':
                fields[f'{index}.masks_shape'], array = np.array(array.shape), np.packbits(array)
            fields[f'{index}.{name}'] = array
    np.savez(path, **fields)


def read_predictions(path: Path) -> tuple[Prediction, ...]:
    """Reads what ``write_predictions`` wrote; nothing in the file is ever run.

    Raises:
        OSError: There is no such file.
        ValueError: It is none of these.
    """
    samples: dict[str, dict[str, np.ndarray]] = {}
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            index, _, what = name.partition('.')
            samples.setdefault(index, {})[what] = file[name]
    found = []
    for fields in samples.values():
        image, identity = str(fields.pop('path', '')), str(fields.pop('identity', ''))
        if 'masks' in fields:
            shape = tuple(fields.pop('masks_shape'))
            bits = np.unpackbits(fields['masks'], count=int(np.prod(shape)))
            fields['masks'] = bits.reshape(shape).astype(bool)
        found.append(Prediction(image, identity, fields))
    return tuple(found)


def _meta(sample: Any) -> Mapping[str, Any]:
    return sample if isinstance(sample, dict) else sample.metainfo


def _identity(sample: Any) -> str:
    """mmpose's samples are single instances of an image, with ids of their own."""
    return str(_meta(sample).get('id', ''))


def _arrays(sample: Any) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    instances, labels, fields = (sample.get(name) for name in ('pred_instances', 'pred_sem_seg', 'pred_fields'))
    if instances is not None:
        found |= _of_instances(instances)
    if labels is not None:
        found['sem_seg'] = _narrow(_array(labels.get('data', labels.get('sem_seg'))).squeeze(0))
    if fields is not None and fields.get('heatmaps') is not None:
        found['heatmaps'] = _array(fields.get('heatmaps')).astype(np.float16)
    return found


def _of_instances(instances: Any) -> dict[str, np.ndarray]:
    scores = instances.get('scores')
    best = slice(_MOST) if scores is None else np.argsort(-_array(scores), kind='stable')[:_MOST]
    found = {}
    for name in _INSTANCES:
        value = instances.get(name)
        if value is not None:
            found[name] = _array(value)[best]
    return {name: array.astype(bool) if name == 'masks' else _narrow(array) for name, array in found.items()}


def _array(value: Any) -> np.ndarray:
    value = getattr(value, 'tensor', value)  # mmdet's boxes
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def _narrow(array: np.ndarray) -> np.ndarray:
    """Single precision, and labels in a byte where they fit."""
    if array.dtype.kind == 'f':
        return array.astype(np.float32)
    fits = array.dtype.kind in 'iu' and array.size and array.min() >= 0 and array.max() < 256
    return array.astype(np.uint8) if fits else array
