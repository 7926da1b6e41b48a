"""A search of the two losses of mmdet's re-identification, with the parts around it: probe, result, page, identities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmdet.models', reason='BaseReID', exc_type=ImportError)
pytest.importorskip('mmpretrain.models', reason='its backbone', exc_type=ImportError)

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmautoloss.__main__ import main
from mmautoloss.branches import find_losses
from mmautoloss.engine import launch, load_search_config, spec_of
from mmautoloss.errors import SetupError
from mmautoloss.trial import History, Role
from tests.isolation import ROOT

pytestmark = pytest.mark.slow

SEARCH = ROOT / 'configs/leaf_reid/resnet_search.py'
SMALL = {
    'train_dataloader.dataset.identities': list(range(12)),
    'val_dataloader.dataset.identities': list(range(12, 16)),
    'train_dataloader.dataset.triplet_sampler': {'num_ids': 6, 'ins_per_id': 3},
    'train_cfg.seeds': [{'cls': 'ce', 'triplet': 'triplet'}, {'cls': 'label_smoothing', 'triplet': 'triplet_soft'}],
    'train_cfg.proxy.schedule.max_iters': 6,
    'param_scheduler': [],
    'train_cfg.strategy.initial': 1,
    'train_cfg.strategy.fresh_rate': 0.0,
    'train_cfg.screen.samples': 3,
    'train_cfg.budget': {
        'max_trials': 4,
        'baseline_repeats': 0,
        'candidate_seeds': 1,
        'finalists': 1,
        'finalist_repeats': 0,
        'confirm_seeds': 0,
    },
    'train_cfg.execute': {'workers': 1, 'threads': 1},
}


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen squares of one colour each, three pictures of each in other light."""
    folder = tmp_path_factory.mktemp('squares')
    rng = np.random.default_rng(0)
    lines = []
    for identity in range(16):
        colour = rng.integers(80, 140, 3)
        for n in range(3):
            picture = (colour + rng.integers(-40, 40, 3) + rng.integers(0, 56, (32, 32, 3))).astype(np.uint8)
            cv2.imwrite(str(folder / f'{identity:02}_{n}.png'), picture)
            lines.append(f'{identity:02}_{n}.png {identity}\n')
    for part in ('train', 'val'):
        (folder / f'{part}.txt').write_text(''.join(lines))
    return folder


def search(data: Path, folder: Path, **more: Any) -> History:
    return launch(spec_of(load_search_config(str(SEARCH), str(folder), {'data_root': str(data), **SMALL, **more})))


def test_both_losses_are_searched_and_found_losses_train(data: Path, tmp_path: Path, capsys) -> None:
    history = search(data, tmp_path)
    printed = capsys.readouterr().out
    assert 'searched: head.loss_cls (CrossEntropyLoss)' in printed
    assert 'searched: head.loss_triplet (TripletLoss)' in printed
    assert 'calibration triplet: hand-made 1.00' in printed
    assert len(history.of_role(Role.SEARCH)) >= 2 and not history.running()
    assert len({trial.score for trial in history.settled()}) > 2
    assert all(0 < trial.score <= 1 for trial in history.settled())
    assert history[0].score == pytest.approx(history[1].score, abs=0.15), 'its formulas, but for rounding'
    assert (tmp_path / 'report.html').is_file()
    found = Config.fromfile(tmp_path / 'best_config.py')
    with DefaultScope.overwrite_default_scope('mmdet'):
        losses = {loss.name: (loss.loss, loss.inputs) for loss in find_losses(MODELS.build(found.model))}
    assert losses == {'cls': ('SearchedLoss', 'softmax'), 'triplet': ('SearchedLoss', 'triplet')}
    out = tmp_path / 'applied.py'
    base = str(ROOT / 'configs/leaf_reid/resnet.py')
    assert main(['apply', base, str(tmp_path), '-o', str(out)]) == 0
    assert Config.fromfile(out).model.head == found.model.head


def test_pairs_are_searched_in_the_calls_of_triplets(data: Path, tmp_path: Path) -> None:
    more = {
        'train_cfg.branches': {'_delete_': True, 'triplet': {'path': 'head.loss_triplet', 'inputs': 'pairs'}},
        'train_cfg.seeds': ['contrastive', 'sup_con'],
    }
    history = search(data, tmp_path, **more)
    assert history.of_role(Role.SEARCH) and not history.running()
    found = Config.fromfile(tmp_path / 'best_config.py')
    assert found.model.head.loss_triplet.inputs == 'pairs'
    with DefaultScope.overwrite_default_scope('mmdet'):
        losses = {loss.name: loss.inputs for loss in find_losses(MODELS.build(found.model))}
    assert losses == {'cls': 'softmax', 'triplet': 'pairs'}


def test_an_interrupted_search_goes_on_as_if_it_had_not_been(data: Path, tmp_path: Path) -> None:
    whole = search(data, tmp_path / 'whole')
    short = {**SMALL['train_cfg.budget'], 'max_trials': 3}
    search(data, tmp_path / 'parts', **{'train_cfg.budget': short})
    resumed = search(data, tmp_path / 'parts', **{'train_cfg.resume': True})
    assert [(trial.genome, trial.score) for trial in resumed] == [(trial.genome, trial.score) for trial in whole]


WRONG = {
    'gaps': (
        {'type': 'ReIDDataset', 'ann_file': 'gaps.txt'},
        'must run from 0 to 7 without gaps, but are 0, 2, 4, 6, 8, ...',
    ),
    'images': ({'type': 'ReIDDataset', 'indices': 20}, 'cannot choose images by indices'),
    'few': ({'triplet_sampler': {'num_ids': 20, 'ins_per_id': 2}}, 'draws 20 identities, but there are 12'),
}


@pytest.mark.parametrize(('settings', 'message'), WRONG.values(), ids=WRONG)
def test_identities_of_which_no_triplets_can_be_drawn(
    settings: dict[str, Any], message: str, data: Path, tmp_path: Path
) -> None:
    lines = (data / 'train.txt').read_text().splitlines(keepends=True)
    (data / 'gaps.txt').write_text(''.join(line for line in lines if int(line.split()[1]) % 2 == 0))
    cfg = load_search_config(str(SEARCH), str(tmp_path), {'data_root': str(data), **SMALL})
    cfg.train_dataloader.dataset.update(settings)
    if settings.get('type'):
        del cfg.train_dataloader.dataset['identities']
    with pytest.raises(SetupError, match=message):
        launch(spec_of(cfg))
