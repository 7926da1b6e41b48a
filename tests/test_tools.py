"""``mmautoloss train`` and ``test``, by ``tools/train.py`` and ``tools/test.py``, as a user calls them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('mmdet')
pytest.importorskip('mmcv.ops')

from mmengine.config import Config

from mmautoloss.__main__ import main
from mmautoloss.engine.config.train_test import default_work_dir, load_test_config, load_train_config
from mmautoloss.errors import SetupError
from mmautoloss.testing.forked import run_forked
from tests.isolation import ROOT

DIGITS = 'configs/digits/mask_rcnn.py'
SEARCH = 'configs/digits/mask_rcnn_search.py'
SMALL = [
    *(
        f'{split}_dataloader.dataset.scenes.{key}={value}'
        for split in ('train', 'val', 'test')
        for key, value in dict(size=64, train=12, search_val=4, val=6, test=3, seed=3).items()
    ),
    'train_dataloader.batch_size=2',
]


def environment(**env: str) -> dict[str, str]:
    return {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', **env}


@pytest.mark.slow
def test_trains_and_scores_searched_losses(tmp_path: Path) -> None:
    """The mask loss is a searched one under its bare name, which only a tool that imports this package knows."""
    config = tmp_path / 'found.py'
    config.write_text(
        f"_base_ = '{ROOT / DIGITS}'\n"
        "loss = dict(_delete_=True, type='SearchedLoss', expression='(p - y) ** 2', inputs='sigmoid', "
        'use_sigmoid=True, loss_weight=1.0)\n'
        'model = dict(rpn_head=dict(loss_cls=loss))\n'
    )
    work, env = tmp_path / 'work', {'MMAUTOLOSS_DATA': str(tmp_path)}
    options = ['--cfg-options', *SMALL, 'train_cfg.max_iters=2', 'train_cfg.val_interval=9']
    train = ['tools/train.py', str(config), '--work-dir', str(work), '--seed', '7', *options]
    done = subprocess.run(
        [sys.executable, *train], cwd=ROOT, env=environment(**env), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert Config.fromfile(work / 'found.py').randomness.seed == 7
    checkpoint = work / 'iter_2.pth'
    assert checkpoint.is_file()

    scored = [str(config), str(checkpoint), '--work-dir', str(tmp_path / 'test'), '--out', str(tmp_path / 'out.pkl')]
    scored += ['--show-dir', str(tmp_path / 'pictures'), '--cfg-options', *SMALL]
    done = run_forked(['tools/test.py', *scored], ROOT, environment(**env))
    assert done.returncode == 0, done.stdout + done.stderr
    scores = dict(re.findall(r'^(coco/\w+_mAP) (\S+)$', done.stdout, re.MULTILINE))
    assert set(scores) == {'coco/bbox_mAP', 'coco/segm_mAP'}, done.stdout
    assert all(0 <= float(score) <= 1 for score in scores.values())
    assert (tmp_path / 'out.pkl').stat().st_size > 0
    assert len(list((tmp_path / 'pictures').glob('*.*'))) == 6, 'a picture of each image'


@pytest.mark.parametrize(
    ('args', 'text'),
    [
        pytest.param(['train', 'configs/none.py'], 'There is no config configs/none.py', id='no config'),
        pytest.param(['train', SEARCH], 'run mmautoloss search with it', id='search config'),
        pytest.param(['test', SEARCH, 'x.pth'], 'run mmautoloss search with it', id='test of a search config'),
        pytest.param(
            ['search', SEARCH, '--work-dir', 'setup.py/work'],
            'The work dir setup.py/work cannot be written',
            id='work dir',
        ),
        pytest.param(['test', DIGITS, 'none.pth'], 'There is no checkpoint none.pth', id='no checkpoint'),
        pytest.param(['train', DIGITS, '--resume', 'none.pth'], 'There is no checkpoint none.pth', id='resume'),
        pytest.param(
            ['train', DIGITS, '--cfg-options', 'data_root=/none'],
            'train_dataloader reads /none/annotations/train.json, which does not exist',
            id='no data',
        ),
        pytest.param(
            ['test', DIGITS, 'none.pth', '--cfg-options', 'data_root=/none'],
            'test_dataloader reads /none/annotations/val.json, which does not exist',
            id='no test data',
        ),
    ],
)
def test_bad_input_is_one_line(
    args: list[str], text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(args) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f'mmautoloss {args[0]}: error: ') and text in lines[0]


def write(folder: Path, text: str) -> str:
    """A config of a model that needs no data and no library."""
    path = folder / 'plain.py'
    path.write_text(
        "model = dict(type='ToyModel')\n"
        "train_dataloader = test_dataloader = dict(dataset=dict(type='ToyScenes'))\n"
        "train_cfg = dict(by_epoch=True, max_epochs=1)\ntest_cfg = dict(type='TestLoop')\n"
        "optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))\n"
        "test_evaluator = dict(type='ToyMetric')\n" + text
    )
    return str(path)


def test_what_the_command_line_says_stands_in_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmautoloss.engine.config.train_test.get_device', lambda: 'cuda')
    path, checkpoint = write(tmp_path, ''), tmp_path / 'a.pth'
    checkpoint.touch()
    cfg = load_train_config(
        path, 'w', {'train_cfg.max_epochs': 3}, resume='auto', amp=True, seed=5, launcher='pytorch'
    )
    assert (cfg.work_dir, cfg.resume, cfg.load_from, cfg.randomness.seed) == ('w', True, None, 5)
    assert (cfg.train_cfg.max_epochs, cfg.launcher) == (3, 'pytorch')
    assert cfg.optim_wrapper == dict(type='AmpOptimWrapper', loss_scale='dynamic', optimizer=dict(type='SGD', lr=0.1))
    assert load_train_config(path, resume=str(checkpoint)).load_from == str(checkpoint)
    scaled = load_train_config(path, options={'auto_scale_lr.base_batch_size': 16}, scale_lr=True)
    assert scaled.auto_scale_lr == dict(base_batch_size=16, enable=True)
    cfg = load_test_config(path, str(checkpoint), out='p.pkl')
    assert (cfg.resume, cfg.load_from) == (False, str(checkpoint))
    assert [metric.type for metric in cfg.test_evaluator] == ['ToyMetric', 'mmengine.DumpResults']
    assert load_test_config(path, 'https://host/a.pth').load_from == 'https://host/a.pth'


@pytest.mark.parametrize(
    ('text', 'options', 'message'),
    [
        ('optim_wrapper = None', {}, 'cannot be trained: it needs optim_wrapper'),
        ('', {'amp': True}, '--amp needs a GPU'),
        ("default_scope = 'mmnone'", {}, 'needs mmnone, which is not installed'),
        ("custom_imports = dict(imports=['mmnone'], allow_failed_imports=False)", {}, 'needs what is not installed'),
        ('', {'options': {'data_root': '/new'}}, 'no data set of this config has a data_root'),
    ],
)
def test_what_cannot_be_trained(
    text: str, options: dict, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('mmautoloss.engine.config.train_test.get_device', lambda: 'cpu')
    with pytest.raises(SetupError, match=re.escape(message)):
        load_train_config(write(tmp_path, text), **options)


def test_amp_leaves_wrappers_of_another_kind_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmautoloss.engine.config.train_test.get_device', lambda: 'cuda')
    with pytest.raises(SetupError, match="'ApexOptimWrapper'"):
        load_train_config(write(tmp_path, "optim_wrapper = dict(type='ApexOptimWrapper')"), amp=True)


def test_predictions_are_a_pickle(tmp_path: Path) -> None:
    checkpoint = tmp_path / 'a.pth'
    checkpoint.touch()
    with pytest.raises(SetupError, match=r'--out FILE\.pkl'):
        load_test_config(write(tmp_path, ''), str(checkpoint), out='p.json')


@pytest.mark.parametrize(
    ('path', 'work_dir'),
    [
        ('configs/digits/mask_rcnn.py', 'work_dirs/digits_mask_rcnn'),
        ('/a/configs/mask_rcnn.py', 'work_dirs/mask_rcnn'),
        ('work_dirs/digits_mask_rcnn_search/best_config.py', 'work_dirs/digits_mask_rcnn_search_best_config'),
        ('elsewhere/found.py', 'work_dirs/found'),
    ],
)
def test_default_work_dir(path: str, work_dir: str) -> None:
    assert default_work_dir(path) == work_dir


@pytest.mark.parametrize(
    ('hook', 'settings'),
    [
        ('DetVisualizationHook', dict(draw=True, test_out_dir='/pictures')),
        ('mmseg.SegVisualizationHook', dict(draw=True)),
        ('PoseVisualizationHook', dict(enable=True, out_dir='/pictures')),
        ('mmpretrain.VisualizationHook', dict(enable=True, out_dir='/pictures')),
    ],
)
def test_pictures_are_drawn_by_the_hook_of_each_library(tmp_path: Path, hook: str, settings: dict) -> None:
    path = write(tmp_path, f"default_hooks = dict(visualization=dict(type='{hook}'))\nvisualizer = dict(type='V')\n")
    (tmp_path / 'a.pth').touch()
    cfg = load_test_config(path, str(tmp_path / 'a.pth'), show_dir='/pictures')
    assert cfg.default_hooks.visualization == dict(type=hook, **settings)
    assert cfg.visualizer.get('save_dir') == ('/pictures' if 'Seg' in hook else None)


def test_augmented_tests_wrap_the_model(tmp_path: Path) -> None:
    more = "tta_model = dict(type='TTA', merge=1)\ntta_pipeline = [dict(type='Flips')]\n"
    path = write(
        tmp_path, more + "test_dataloader = dict(dataset=dict(type='Repeat', dataset=dict(type='ToyScenes')))\n"
    )
    (tmp_path / 'a.pth').touch()
    cfg = load_test_config(path, str(tmp_path / 'a.pth'), tta=True)
    assert cfg.model == dict(type='TTA', merge=1, module=dict(type='ToyModel'))
    assert cfg.test_dataloader.dataset.dataset.pipeline == [dict(type='Flips')]


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        (dict(show_dir='p'), '--show-dir needs one of DetVisualizationHook'),
        (dict(tta=True), '--tta needs tta_model and tta_pipeline in the config'),
    ],
)
def test_what_a_config_does_not_say_of_tests_is_told(tmp_path: Path, options: dict, text: str) -> None:
    (tmp_path / 'a.pth').touch()
    with pytest.raises(SetupError, match=text):
        load_test_config(write(tmp_path, ''), str(tmp_path / 'a.pth'), **options)


def test_a_learning_rate_is_scaled_only_from_a_known_batch(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match='needs the batch for which the learning rate of the config is meant'):
        load_train_config(write(tmp_path, ''), scale_lr=True)
