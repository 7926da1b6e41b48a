"""Pictures of predictions: what is like the ground truth looks like the ground truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('mmcv.ops')

import cv2
from mmengine.visualization import Visualizer

from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.engine.config.resolved import write_resolved
from mmautoloss.engine.illustration.painter import painter_of
from mmautoloss.engine.illustration.pictures import chosen, draw_pictures, to_jpeg
from mmautoloss.engine.illustration.validation_images import ValidationImages, as_rgb, loading
from mmautoloss.expr import Genome
from mmautoloss.proxy.predictions import Prediction, write_predictions
from mmautoloss.report.figures import Picture
from mmautoloss.testing.toy_searches import run_toy, toy_config
from mmautoloss.trial import PREDICTIONS, TRIALS, Journal, Outcome, Role, State, Trial, trial_folder
from tests.isolation import ROOT

SCENES = {'size': 64, 'train': 4, 'search_val': 3, 'val': 3, 'test': 3, 'seed': 3}
TASKS = ['faster_rcnn', 'mask_rcnn', 'deeplabv3plus', 'pose']

Arrays = dict[str, np.ndarray]


def write_search(name: str, work: Path, change: Callable[[Arrays], Arrays]) -> ValidationImages:
    """A work dir in which trial 0 (hand-made) predicted the truth and trial 3 a change of it, on two images."""
    cfg = load_search_config(str(ROOT / f'configs/digits/{name}_search.py'), str(work))
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.scenes = SCENES
    work.mkdir()
    write_resolved(spec_of(cfg))
    write_journal(work, 4)
    images = ValidationImages(cfg, masks=name == 'mask_rcnn')
    every = [str(images._dataset.get_data_info(index)['img_path']) for index in range(len(images._dataset))]
    truths = list(images.of(list(dict.fromkeys(every))[:2]))
    for number, turn in ((0, dict), (3, change)):
        folder = trial_folder(work / TRIALS, number)
        folder.mkdir(parents=True)
        found = [Prediction(truth.path, '', turn(without_visibility(truth.arrays))) for truth in truths]
        write_predictions(folder / PREDICTIONS, found)
    return images


def write_journal(work: Path, trials: int) -> None:
    journal = Journal(work / 'journal.jsonl', {}, {})
    for number in range(trials):
        genome = Genome.from_text({'x': 'p - y'}) if number else None
        journal.propose(Trial(number, Role.SEARCH if number else Role.BASELINE, 0, genome))
        journal.settle(number, Outcome(State.COMPLETE, 0.5), 1.0)
    journal.close()


def without_visibility(arrays: Arrays) -> Arrays:
    return {name: array for name, array in arrays.items() if name != 'keypoints_visible'}


def moved(arrays: Arrays) -> Arrays:
    """Everything half a picture away; boxes get a score each."""
    shift = {'bboxes': 20.0, 'keypoints': 20.0}
    found = {name: array + shift.get(name, 0) for name, array in arrays.items() if name not in ('masks', 'sem_seg')}
    found |= {name: np.roll(arrays[name], 20, axis=-1) for name in ('masks', 'sem_seg') if name in arrays}
    return found | ({'scores': np.linspace(0.9, 0.1, len(found['labels']))} if 'labels' in found else {})


def pixels(picture: Picture) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_COLOR).astype(float)


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path_factory.getbasetemp() / 'scenes'))


@pytest.mark.parametrize('name', TASKS)
def test_truth_hand_made_and_found_stand_side_by_side(name: str, tmp_path: Path, data: None) -> None:
    write_search(name, tmp_path / 'work', moved)
    before = dict(Visualizer._instance_dict)
    pictures = draw_pictures(tmp_path / 'work', [0, 3, 2], most=2)
    assert [picture.title for picture in pictures] == ['ground truth', 'hand-made', 'trial 3'] * 2
    assert len({picture.group for picture in pictures}) == 2 and len({picture.name for picture in pictures}) == 6
    for truth, by_hand, found in (pictures[:3], pictures[3:]):
        assert truth.group == by_hand.group == found.group and truth.group.endswith('.png')
        assert by_hand.content == truth.content, 'what was predicted is the truth'
        assert np.abs(pixels(found) - pixels(truth)).mean() > 0.5
        assert pixels(truth).shape == (360, 360, 3) and len(truth.content) <= 60_000
        assert ('surest detections' in found.caption) == (name in ('faster_rcnn', 'mask_rcnn'))
    assert Visualizer._instance_dict == before
    assert draw_pictures(tmp_path / 'work', [0, 3, 2], most=2) == pictures, 'nothing is left to chance'
    assert len(draw_pictures(tmp_path / 'work', [3], most=1)) == 2


def test_boxes_are_where_the_objects_are(tmp_path: Path, data: None) -> None:
    images = write_search('faster_rcnn', tmp_path / 'work', moved)
    truth = draw_pictures(tmp_path / 'work', [0], most=1)[0]
    (sample,) = images.of([images._dataset.get_data_info(0)['img_path']])
    plain = cv2.resize(sample.image[..., ::-1], (360, 360), interpolation=cv2.INTER_CUBIC).astype(float)
    drawn = np.abs(pixels(truth) - plain).max(axis=2) > 60
    left, top, right, bottom = (sample.arrays['bboxes'] * 360 / sample.image.shape[0]).T
    rows, columns = np.nonzero(drawn)
    assert rows.min() >= top.min() - 4 and columns.min() >= left.min() - 4
    assert rows.max() <= bottom.max() + 4 and rows.max() >= bottom.max() - 4 and columns.max() >= right.max() - 4


def test_search_without_a_library_has_no_pictures(tmp_path: Path) -> None:
    run_toy(toy_config(tmp_path, {'budget.max_trials': 0, 'budget.baseline_repeats': 0}))
    assert draw_pictures(tmp_path / 'work', [0]) == ()


DETECTIONS = {'scores': np.array([0.1, 0.5, 0.2]), 'labels': np.array([0, 1, 2])}


def test_as_many_detections_as_there_are_objects() -> None:
    arrays, caption = chosen(DETECTIONS, {'labels': np.zeros(2)})
    assert arrays['labels'].tolist() == [1, 2] and caption == 'The 2 surest detections; there are 2 objects.'
    none = {name: array[:0] for name, array in DETECTIONS.items()}
    assert chosen(none, {'labels': np.zeros(2)})[1] == 'No detections; there are 2 objects.'
    assert chosen(DETECTIONS, {})[0]['labels'].tolist() == [1]


def test_only_steps_that_load_are_left() -> None:
    given: list[Any] = [
        {'type': 'mmdet.LoadImageFromFile', 'to_float32': True},
        {'type': 'Resize', 'scale': 3},
        {'type': 'X'},
    ]
    types = [step['type'] for step in loading(given, 'mmdet', masks=True)]
    assert types == ['mmdet.LoadImageFromFile', 'mmdet.LoadAnnotations', 'mmdet.PackDetInputs']
    assert loading(given, 'mmdet', masks=False)[1]['with_mask'] is False
    given = [{'type': 'LoadAnnotations', 'reduce_zero_label': True}]
    assert loading(given, 'mmseg', masks=False)[1] == given[0]


def test_large_pictures_are_compressed_more() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    assert len(to_jpeg(noise, most=60_000)) <= 60_000 < len(to_jpeg(noise, most=10**6))


@pytest.mark.parametrize('kind', ['uint8', 'uint16', 'float32', 'bool', 'int32'])
@pytest.mark.parametrize('channels', [1, 2, 3, 4, 7])
def test_images_of_any_channels_and_type_are_shown(channels: int, kind: str) -> None:
    image = np.random.default_rng(0).integers(0, 2 if kind == 'bool' else 200, (channels, 12, 9)).astype(kind)
    shown = as_rgb(image)
    assert (shown.shape, shown.dtype) == ((12, 9, 3), np.uint8) and shown.flags['C_CONTIGUOUS']
    if kind == 'uint8':
        assert (shown[..., 0] == image[2 if channels > 2 else 0]).all()
    else:
        assert shown.min() == 0 and shown.max() == 255
    with painter_of('mmdet', {}, {'classes': ('a',), 'palette': [(1, 2, 3)]}, size=60) as brush:
        boxes = {'bboxes': np.array([[1.0, 1.0, 6.0, 6.0]]), 'labels': np.array([0])}
        assert len(to_jpeg(brush.draw(shown, boxes))) > 300


def test_pixels_that_are_no_numbers_are_black() -> None:
    image = np.full((4, 2, 2), np.nan, np.float32)
    assert (as_rgb(image) == 0).all()
    image[2, 0] = (1.0, np.inf)
    image[0, 0, 0] = 3.0
    assert as_rgb(image)[0].tolist() == [[0, 0, 255], [255, 0, 0]]
