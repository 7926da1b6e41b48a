"""Predictions of trials beside the ground truth, on the first few validation images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config

from mmautoloss.engine.config.read import read_config
from mmautoloss.engine.config.trusted import CONFIG
from mmautoloss.engine.illustration.painter import Painter, painter_of
from mmautoloss.engine.illustration.validation_images import SCOPES, ValidationImages
from mmautoloss.proxy.predictions import read_predictions
from mmautoloss.report.figures import Picture
from mmautoloss.trial import PREDICTIONS, TRIALS, Role, journal_of, read_journal, trial_folder

Arrays = Mapping[str, np.ndarray]

_MIN_SCORE = 0.3
"""Least score of a shown detection, if the number of objects is unknown."""

_BYTES = 60_000
_QUALITIES = (88, 80, 70, 60, 45, 30)


def draw_pictures(
    work_dir: Path, trial_numbers: Sequence[int], config: Path | None = None, most: int = 4
) -> tuple[Picture, ...]:
    """Draws ground truth and the predictions of some trials, image by image.

    Predictions were kept when the trials were validated (``execute.pictures``); no network runs.

    Args:
        work_dir: Work dir of a search.
        trial_numbers: The trials, such as the first baseline and the winner; those without kept predictions are left out.
        config: The search config, which is run; None for that in the work dir.
        most: Number of images at most.

    Returns:
        For each image the ground truth, then the trials in the given order; none if no trial has kept
        predictions or the library of the search is not one of mmdet, mmseg and mmpose.

    Raises:
        JournalError: The work dir holds no search.
        OSError: An image is no longer there.
    """
    predictions = {number: _merged(work_dir, number) for number in dict.fromkeys(trial_numbers)}
    predictions = {number: images for number, images in predictions.items() if images}
    cfg = read_config(config or work_dir / CONFIG) if predictions else Config()
    if cfg.get('default_scope') not in SCOPES:
        return ()
    paths = list(next(iter(predictions.values())))[:most]
    masks = any('masks' in arrays for images in predictions.values() for arrays in images.values())
    images = ValidationImages(cfg, masks)
    titles = _titles(work_dir, predictions)
    pixels, truths = _truths(images, paths)
    pictures = []
    with painter_of(cfg.default_scope, cfg.get('visualizer') or {}, images.metainfo) as painter:
        for path in (path for path in paths if path in pixels):
            pictures.append(_picture(painter, path, 'ground truth', '', pixels[path], truths[path]))
            for number, title in titles.items():
                arrays, caption = chosen(predictions[number].get(path, {}), truths[path])
                pictures.append(_picture(painter, path, title, caption, pixels[path], arrays))
    return tuple(pictures)


def chosen(predicted: Arrays, truth: Arrays) -> tuple[Arrays, str]:
    """As many detections as there are objects, those with the highest scores, and a caption that says so.

    Networks of a proxy have low scores: a fixed threshold would leave most images empty.
    """
    if 'scores' not in predicted:
        return predicted, ''
    count = len(truth['labels']) if 'labels' in truth else int((predicted['scores'] >= _MIN_SCORE).sum())
    order = np.argsort(-predicted['scores'], kind='stable')[:count]
    if 'labels' not in truth:
        caption = f'The detections with a score of at least {_MIN_SCORE}.'
    elif len(order) == 0 and count:
        caption = f'No detections; there are {count} objects.'
    else:
        caption = f'The {len(order)} surest detections; there are {count} objects.'
    return {name: array[order] for name, array in predicted.items()}, caption


def _merged(work_dir: Path, number: int) -> dict[str, Arrays]:
    """The predictions of a trial by image; samples of one image are joined."""
    path = trial_folder(work_dir / TRIALS, number) / PREDICTIONS
    if not path.is_file():
        return {}
    return _join((sample.path, sample.arrays) for sample in read_predictions(path))


def _truths(images: ValidationImages, paths: Sequence[str]) -> tuple[dict[str, np.ndarray], dict[str, Arrays]]:
    samples = list(images.of(paths))
    return {sample.path: sample.image for sample in samples}, _join((sample.path, sample.arrays) for sample in samples)


def _join(samples: Iterable[tuple[str, Arrays]]) -> dict[str, Arrays]:
    parts: dict[str, list[Arrays]] = {}
    for path, arrays in samples:
        parts.setdefault(path, []).append(arrays)
    return {
        path: samples[0]
        if len(samples) == 1
        else {name: np.concatenate([arrays[name] for arrays in samples]) for name in samples[0] if name != 'heatmaps'}
        for path, samples in parts.items()
    }


def _titles(work_dir: Path, numbers: Iterable[int]) -> dict[int, str]:
    history = read_journal(journal_of(work_dir)).history
    titles = {}
    for number in numbers:
        by_hand = history[number].role is Role.BASELINE
        first = history[number].repeats is None
        titles[number] = ('hand-made' if first else f'hand-made, trial {number}') if by_hand else f'trial {number}'
    return titles


def _picture(painter: Painter, path: str, title: str, caption: str, image: np.ndarray, arrays: Arrays) -> Picture:
    drawable = {name: array for name, array in arrays.items() if name != 'heatmaps'}
    name = re.sub(r'\W+', '_', f'{Path(path).stem}_{title}')
    return Picture(name, title, caption, to_jpeg(painter.draw(image, drawable)), 'jpeg', Path(path).name)


def to_jpeg(image: np.ndarray, most: int = _BYTES) -> bytes:
    """An RGB image (h, w, 3) as a JPEG file of at most so many bytes, if possible."""
    import cv2

    for quality in _QUALITIES:
        content = cv2.imencode('.jpg', image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(content) <= most:
            break
    return content
