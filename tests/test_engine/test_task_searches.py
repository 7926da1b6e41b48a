"""A search of every task, small enough for a test, and what it leaves in its work dir."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('mmcv.ops')
pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
pytest.importorskip('mmpose')

from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmautoloss.branches import find_losses
from mmautoloss.engine import launch, load_search_config, spec_of
from mmautoloss.engine.illustration.pictures import draw_pictures
from mmautoloss.found import read_result
from mmautoloss.losses import SearchedLoss
from mmautoloss.trial import History, Role
from tests.isolation import ROOT
from tests.test_engine.test_config.test_losses import differences

pytestmark = pytest.mark.slow

SCENES = {'size': 64, 'train': 12, 'search_val': 6, 'val': 6, 'test': 3, 'seed': 3}
TASKS = {
    'deeplabv3plus': {
        'model.auxiliary_head.loss_decode': 'auxiliary_head.loss_decode',
        'model.decode_head.loss_decode': 'decode_head.loss_decode',
    },
    'pose': {'model.head.loss': 'head.loss_module'},
    'mask_rcnn': {
        'model.roi_head.bbox_head.loss_bbox': 'roi_head.bbox_head.loss_bbox',
        'model.roi_head.bbox_head.loss_cls': 'roi_head.bbox_head.loss_cls',
        'model.roi_head.mask_head.loss_mask': 'roi_head.mask_head.loss_mask',
        'model.rpn_head.loss_bbox': 'rpn_head.loss_bbox',
        'model.rpn_head.loss_cls': 'rpn_head.loss_cls',
    },
}


def search(name: str, folder: Path, **more: object) -> tuple[Config, History]:
    """Trains the hand-made losses, the seeds and one candidate for three iterations each."""
    cfg = load_search_config(str(ROOT / f'configs/digits/{name}_search.py'), str(folder))
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.scenes = SCENES
        cfg[f'{split}_dataloader'].batch_size = 2
    known = len(cfg.train_cfg.seeds)
    cfg.merge_from_dict(
        {
            'train_cfg.proxy.schedule.max_iters': 3,
            'train_cfg.screen.samples': 2,
            'train_cfg.screen.eta': 0.05,
            'train_cfg.screen.side': 16,
            'train_cfg.strategy.initial': 1,
            'train_cfg.strategy.fresh_rate': 0.0,
            'train_cfg.budget': {
                'max_trials': known + 1,
                'baseline_repeats': 0,
                'finalists': 1,
                'finalist_repeats': 0,
                'confirm_seeds': 0,
            },
            'train_cfg.execute': {'workers': 1, 'threads': 1},
            **more,
        }
    )
    return cfg, launch(spec_of(cfg))


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path_factory.getbasetemp() / 'scenes'))


@pytest.mark.parametrize('name', TASKS)
def test_search_ends_with_a_config_whose_losses_are_the_found_ones(name: str, tmp_path: Path, capsys) -> None:
    cfg, history = search(name, tmp_path)
    assert history[0].role is Role.BASELINE and history.of_role(Role.SEARCH) and not history.running()
    printed = capsys.readouterr().out
    for path in TASKS[name].values():
        assert f'searched: {path}' in printed
    (best,) = history.ranking(1)
    base, found = Config.fromfile(cfg.train_cfg.base_config), Config.fromfile(tmp_path / 'best_config.py')
    assert differences(base.to_dict(), found.to_dict()) == sorted(TASKS[name])
    with DefaultScope.overwrite_default_scope(found.default_scope):
        model = MODELS.build(found.model)
    texts = best.genome.to_text()
    for loss in find_losses(model):
        module = model.get_submodule(loss.path)
        assert isinstance(module, SearchedLoss) and module.expression == texts[loss.name]
    assert {loss.name: loss.expression for loss in read_result(tmp_path)} == texts
    pictures = draw_pictures(tmp_path, [0, best.number], most=2)
    titles = ['ground truth', 'hand-made', f'trial {best.number}']
    assert [picture.title for picture in pictures] == titles * 2, 'both trials have kept their predictions'


@pytest.mark.parametrize('aux', ['keep', 'off'])
def test_auxiliary_head_keeps_its_loss_or_goes(aux: str, tmp_path: Path, capsys) -> None:
    _, history = search('deeplabv3plus', tmp_path, **{'train_cfg.aux': aux})
    assert {tuple(trial.genome) for trial in history.of_role(Role.KNOWN, Role.SEARCH)} == {('decode',)}
    kept = 'kept as it is: auxiliary_head.loss_decode (CrossEntropyLoss)'
    assert (kept in capsys.readouterr().out) == (aux == 'keep')
    head = Config.fromfile(tmp_path / 'best_config.py').model.auxiliary_head
    assert head is None if aux == 'off' else head.loss_decode.type == 'CrossEntropyLoss'
