"""Predictions on the first few validation images, as plain arrays."""

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
"""Number of instances of an image that are kept, those with the highest scores."""

_INSTANCES = ('bboxes', 'labels', 'scores', 'masks', 'keypoints', 'keypoint_scores', 'bbox_scores')


@dataclass(frozen=True)
class Prediction:
    """The prediction on one sample of a data set.

    Attributes:
        path: The image.
        identity: Id of the sample among those of the same image; '' if it has none.
        arrays: By name: ``bboxes`` (n, 4), ``labels`` (n), ``scores`` (n), ``masks`` (n, h, w) as booleans, ``keypoints``
            (n, k, 2), ``keypoint_scores`` (n, k), ``bbox_scores`` (n), ``sem_seg`` (h, w) as labels, ``heatmaps`` (k, h, w).
    """

    path: str
    identity: str = ''
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


class Predictions:
    """Collects predictions while a validation runs.

    Args:
        most: Number of images; all samples of these are kept.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.predictions: list[Prediction] = []
        self.error = ''
        self._paths: set[str] = set()

    def add(self, samples: Iterable[Any]) -> None:
        """Adds the outputs of a batch; the first sample that cannot be read ends the collection and sets ``error``."""
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
                    self.predictions.append(Prediction(path, _identity(sample), arrays))
        except Exception as error:  # samples may be of any class of the user; an error here must not affect the score
            self.error = repr(error)

    def write(self, path: Path) -> str:
        """Writes the predictions, if there are any.

        Returns:
            Why they could not be written; '' if they were, or if there are none.
        """
        if self.error or not self.predictions:
            return self.error
        try:
            write_predictions(path, self.predictions)
        except Exception as error:  # of the disk, or of text that cannot be encoded, such as a path with surrogates
            return repr(error)
        return ''


@contextlib.contextmanager
def kept_predictions(runner: Runner, settings: ProxySettings, trial: Trial, log: TrialLog) -> Iterator[None]:
    """Writes the predictions of the validation within on the first images next to the log, if there is one."""
    if not log.kept or not settings.pictures:
        yield
        return
    runner.predictions = Predictions(settings.pictures)
    try:
        yield
    finally:
        predictions, runner.predictions = runner.predictions, None
    error = predictions.write(trial_folder(Path(settings.trials), trial.number) / PREDICTIONS)
    if error:
        log.write(f'The predictions are not kept: {error}\n')


@register(HOOKS)
class PredictionsHook(Hook):
    """Adds the outputs of the validation to the Runner's ``predictions``, if they are to be kept."""

    priority = 'LOWEST'

    def after_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Adds the outputs of this batch."""
        if runner.predictions is not None:
            runner.predictions.add(outputs)


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """Writes predictions as arrays of an ``.npz`` file; masks as one bit per pixel.

    Raises:
        OSError: The file cannot be written.
    """
    fields: dict[str, np.ndarray] = {}
    for index, prediction in enumerate(predictions):
        fields[f'{index}.path'] = np.array(prediction.path)
        fields[f'{index}.identity'] = np.array(prediction.identity)
        for name, array in prediction.arrays.items():
            if name == 'masks':
                fields[f'{index}.masks_shape'], array = np.array(array.shape), np.packbits(array)
            fields[f'{index}.{name}'] = array
    np.savez(path, **fields)


def read_predictions(path: Path) -> tuple[Prediction, ...]:
    """Reads the file of ``write_predictions``; no code in it is ever executed.

    Raises:
        OSError: There is no such file.
        ValueError: It is not such a file.
    """
    samples: dict[str, dict[str, np.ndarray]] = {}
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            index, _, field_name = name.partition('.')
            samples.setdefault(index, {})[field_name] = file[name]
    predictions = []
    for fields in samples.values():
        image, identity = str(fields.pop('path', '')), str(fields.pop('identity', ''))
        if 'masks' in fields:
            shape = tuple(fields.pop('masks_shape'))
            bits = np.unpackbits(fields['masks'], count=int(np.prod(shape)))
            fields['masks'] = bits.reshape(shape).astype(bool)
        predictions.append(Prediction(image, identity, fields))
    return tuple(predictions)


def _meta(sample: Any) -> Mapping[str, Any]:
    return sample if isinstance(sample, dict) else sample.metainfo


def _identity(sample: Any) -> str:
    """mmpose's samples are single instances of an image, with ids of their own."""
    return str(_meta(sample).get('id', ''))


def _arrays(sample: Any) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    instances, labels, fields = (sample.get(name) for name in ('pred_instances', 'pred_sem_seg', 'pred_fields'))
    if instances is not None:
        arrays |= _of_instances(instances)
    if labels is not None:
        arrays['sem_seg'] = _narrow(_array(labels.get('data', labels.get('sem_seg'))).squeeze(0))
    if fields is not None and fields.get('heatmaps') is not None:
        arrays['heatmaps'] = _array(fields.get('heatmaps')).astype(np.float16)
    return arrays


def _of_instances(instances: Any) -> dict[str, np.ndarray]:
    scores = instances.get('scores')
    best = slice(_MOST) if scores is None else np.argsort(-_array(scores), kind='stable')[:_MOST]
    arrays = {}
    for name in _INSTANCES:
        value = instances.get(name)
        if value is not None:
            arrays[name] = _array(value)[best]
    return {name: array.astype(bool) if name == 'masks' else _narrow(array) for name, array in arrays.items()}


def _array(value: Any) -> np.ndarray:
    value = getattr(value, 'tensor', value)  # mmdet's boxes
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def _narrow(array: np.ndarray) -> np.ndarray:
    """Floating-point numbers in single precision, and labels in a byte if they fit."""
    if array.dtype.kind == 'f':
        return array.astype(np.float32)
    fits = array.dtype.kind in 'iu' and array.size and array.min() >= 0 and array.max() < 256
    return array.astype(np.uint8) if fits else array
