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

_SURE = 0.3
"""Score from which a detection is shown where the number of objects is not known."""

_BYTES = 60_000
_QUALITIES = (88, 80, 70, 60, 45, 30)


def draw_pictures(
    work_dir: Path, trial_numbers: Sequence[int], config: Path | None = None, most: int = 4
) -> tuple[Picture, ...]:
    """Draws ground truth and the predictions of some trials, image by image.

    What is drawn was kept when the trials were validated (``execute.pictures``); no network runs.

    Args:
        work_dir: Work dir of a search.
        trial_numbers: The trials, such as the first baseline and the winner; those without kept predictions are left out.
        config: The search config, which is run; None for that in the work dir.
        most: Images at most.

    Returns:
        For each image the ground truth, then the trials in the order that was given; none where no trial has kept
        predictions or the library of the search is not one of mmdet, mmseg and mmpose.

    Raises:
        JournalError: The work dir holds no search.
        OSError: An image is no longer there.
    """
    found = {number: _merged(work_dir, number) for number in dict.fromkeys(trial_numbers)}
    found = {number: images for number, images in found.items() if images}
    cfg = read_config(config or work_dir / CONFIG) if found else Config()
    if cfg.get('default_scope') not in SCOPES:
        return ()
    paths = list(next(iter(found.values())))[:most]
    masks = any('masks' in arrays for images in found.values() for arrays in images.values())
    images = ValidationImages(cfg, masks)
    titles = _titles(work_dir, found)
    pixels, truths = _truths(images, paths)
    pictures = []
    with painter_of(cfg.default_scope, cfg.get('visualizer') or {}, images.metainfo) as brush:
        for path in (path for path in paths if path in pixels):
            pictures.append(_picture(brush, path, 'ground truth', '', pixels[path], truths[path]))
            for number, title in titles.items():
                arrays, caption = chosen(found[number].get(path, {}), truths[path])
                pictures.append(_picture(brush, path, title, caption, pixels[path], arrays))
    return tuple(pictures)


def chosen(found: Arrays, truth: Arrays) -> tuple[Arrays, str]:
    """Of detections, as many as there are objects, the surest first; and a caption that says so.

    Networks of a proxy are small and unsure: a fixed threshold would leave most images empty.
    """
    if 'scores' not in found:
        return found, ''
    count = len(truth['labels']) if 'labels' in truth else int((found['scores'] >= _SURE).sum())
    order = np.argsort(-found['scores'], kind='stable')[:count]
    if 'labels' not in truth:
        caption = f'The detections with a score of at least {_SURE}.'
    elif len(order) == 0 and count:
        caption = f'No detections; there are {count} objects.'
    else:
        caption = f'The {len(order)} surest detections; there are {count} objects.'
    return {name: array[order] for name, array in found.items()}, caption


def _merged(work_dir: Path, number: int) -> dict[str, Arrays]:
    """The predictions of a trial by image; samples of one image are joined."""
    path = trial_folder(work_dir / TRIALS, number) / PREDICTIONS
    if not path.is_file():
        return {}
    return _join((each.path, each.arrays) for each in read_predictions(path))


def _truths(images: ValidationImages, paths: Sequence[str]) -> tuple[dict[str, np.ndarray], dict[str, Arrays]]:
    samples = list(images.of(paths))
    return {each.path: each.image for each in samples}, _join((each.path, each.arrays) for each in samples)


def _join(samples: Iterable[tuple[str, Arrays]]) -> dict[str, Arrays]:
    parts: dict[str, list[Arrays]] = {}
    for path, arrays in samples:
        parts.setdefault(path, []).append(arrays)
    return {
        path: several[0]
        if len(several) == 1
        else {name: np.concatenate([arrays[name] for arrays in several]) for name in several[0] if name != 'heatmaps'}
        for path, several in parts.items()
    }


def _titles(work_dir: Path, numbers: Iterable[int]) -> dict[int, str]:
    history = read_journal(journal_of(work_dir)).history
    titles = {}
    for number in numbers:
        by_hand = history[number].role is Role.BASELINE
        first = history[number].repeats is None
        titles[number] = ('hand-made' if first else f'hand-made, trial {number}') if by_hand else f'trial {number}'
    return titles


def _picture(brush: Painter, path: str, title: str, caption: str, image: np.ndarray, arrays: Arrays) -> Picture:
    known = {name: array for name, array in arrays.items() if name != 'heatmaps'}
    name = re.sub(r'\W+', '_', f'{Path(path).stem}_{title}')
    return Picture(name, title, caption, to_jpeg(brush.draw(image, known)), 'jpeg', Path(path).name)


def to_jpeg(image: np.ndarray, most: int = _BYTES) -> bytes:
    """An RGB image (h, w, 3) as a JPEG file that is not larger than so many bytes, if that can be."""
    import cv2

    for quality in _QUALITIES:
        content = cv2.imencode('.jpg', image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(content) <= most:
            break
    return content
