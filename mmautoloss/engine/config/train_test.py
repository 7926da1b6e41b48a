"""Plain configs of any OpenMMLab library, prepared for training or testing by options of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device

from mmautoloss.engine.config.read import is_search, read_config
from mmautoloss.engine.config.shipped import local_or_shipped
from mmautoloss.engine.config.test_extras import augment_tests, draw_predictions
from mmautoloss.engine.data.datasets import apply_options, check_files, require_right_labels
from mmautoloss.errors import SetupError
from mmautoloss.proxy import type_name


def load_train_config(
    path: str,
    work_dir: str | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    resume: str | None = None,
    amp: bool = False,
    scale_lr: bool = False,
    seed: int | None = None,
    launcher: str = 'none',
) -> Config:
    """Reads a config that is to be trained.

    Args:
        path: The file.
        work_dir: Where everything is written, see ``default_work_dir``.
        options: ``--cfg-options``.
        resume: ``'auto'`` continues from the newest checkpoint in the work dir, if there is one; else a checkpoint.
        amp: Whether to train in mixed precision.
        scale_lr: Whether the learning rate follows the batch of all processes, by ``auto_scale_lr`` of the config.
        seed: Seed of the training; None keeps that of the config.
        launcher: One of MMEngine's, such as ``'pytorch'`` under ``torchrun``.

    Raises:
        SetupError: The config cannot be trained as requested.
    """
    cfg = _load(path, work_dir, options, launcher)
    require(cfg, path, 'trained', ('train_dataloader', 'train_cfg', 'optim_wrapper'), ('train', 'val'))
    if resume is not None:
        _require_checkpoint(resume, keyword='auto')
        cfg.resume, cfg.load_from = True, None if resume == 'auto' else resume
    if amp:
        _use_mixed_precision(cfg)
    if scale_lr:
        scale_learning_rate(cfg)
    if seed is not None:
        cfg.merge_from_dict({'randomness.seed': seed})
    return cfg


def load_test_config(
    path: str,
    checkpoint: str,
    work_dir: str | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    out: str | None = None,
    show_dir: str | None = None,
    tta: bool = False,
    launcher: str = 'none',
) -> Config:
    """Reads a config whose checkpoint is to be scored on its ``test_dataloader``.

    Args:
        path: The file.
        checkpoint: The weights; a file or a URL.
        work_dir: Where the log is written, see ``default_work_dir``.
        options: ``--cfg-options``.
        out: Pickle file for the predictions, or None.
        show_dir: Folder for pictures of the predictions, or None.
        tta: Whether to test with the augmentation of the config's ``tta_model``.
        launcher: One of MMEngine's, such as ``'pytorch'`` under ``torchrun``.

    Raises:
        SetupError: The config cannot be tested as requested.
    """
    cfg = _load(path, work_dir, options, launcher)
    require(cfg, path, 'tested', ('test_dataloader', 'test_cfg', 'test_evaluator'), ('test',))
    _require_checkpoint(checkpoint)
    cfg.resume, cfg.load_from = False, checkpoint
    if out is not None:
        if not out.endswith(('.pkl', '.pickle')):
            raise SetupError(f'Predictions are written as a pickle: --out FILE.pkl, but got {out}.')
        evaluator = cfg.test_evaluator
        cfg.test_evaluator = [*(evaluator if isinstance(evaluator, list) else [evaluator]), _dump_to(out)]
    if show_dir is not None:
        draw_predictions(cfg, show_dir)
    if tta:
        augment_tests(cfg)
    return cfg


def default_work_dir(path: str) -> str:
    """``work_dirs/`` and the path of the config below ``configs`` or ``work_dirs``, else its name."""
    parts = Path(path).with_suffix('').parts
    starts = [parts.index(folder) + 1 for folder in ('configs', 'work_dirs') if folder in parts]
    return str(Path('work_dirs') / '_'.join(parts[starts[0] :] if starts else parts[-1:]))


def _load(path: str, work_dir: str | None, options: Mapping[str, Any] | None, launcher: str) -> Config:
    cfg = read_config(path)
    if is_search(cfg):
        raise SetupError(
            f'{path} is a search config: run mmautoloss search with it. Trained and tested are its base_config, '
            f'{cfg.train_cfg.get("base_config")}, and the best_config.py that it writes.'
        )
    apply_options(cfg, options or {})
    cfg.work_dir = work_dir or cfg.get('work_dir') or default_work_dir(path)
    cfg.launcher = launcher
    return cfg


def require(cfg: Config, path: str, action: str, keys: Iterable[str], splits: Iterable[str]) -> None:
    """Checks that a config has the settings for an action, and that the files of the splits exist.

    Raises:
        SetupError: A setting or a file is missing.
    """
    missing = [key for key in keys if cfg.get(key) is None]
    if missing:
        raise SetupError(f'{path} cannot be {action}: it needs {", ".join(missing)}.')
    loaders = [f'{split}_dataloader' for split in splits]
    check_files(Config({loader: cfg[loader] for loader in loaders if cfg.get(loader) is not None}))
    require_right_labels(cfg)


def _require_checkpoint(path: str, keyword: str | None = None) -> None:
    if path != keyword and '://' not in path and not Path(path).is_file():
        raise SetupError(f'There is no checkpoint {path}.')


def _use_mixed_precision(cfg: Config) -> None:
    if get_device() == 'cpu':
        raise SetupError('--amp needs a GPU or another accelerator, but this machine has the CPU alone; leave it out.')
    kind = type_name(cfg.optim_wrapper.get('type', 'OptimWrapper'))
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise SetupError(f'--amp replaces an OptimWrapper, but the config has {kind!r}; set its precision there.')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def scale_learning_rate(cfg: Config) -> None:
    """Makes the learning rate of a config follow the batch of all processes.

    Raises:
        SetupError: It does not say for which batch it is.
    """
    scale = cfg.get('auto_scale_lr') or {}
    if not isinstance(scale.get('base_batch_size'), int):
        raise SetupError(
            '--auto-scale-lr needs the batch for which the learning rate of the config is meant: '
            'auto_scale_lr=dict(base_batch_size=16).'
        )
    cfg.auto_scale_lr = dict(scale, enable=True)


def _dump_to(path: str) -> dict[str, str]:
    return {'type': 'mmengine.DumpResults', 'out_file_path': path}


def load_base(base_config: str, options: Mapping[str, Any]) -> Config:
    """The plain config of a search, with the user's options except those of the search itself.

    Raises:
        SetupError: There is no such file.
    """
    if not local_or_shipped(base_config).is_file():
        raise SetupError(f'base_config must name the plain config of the model, but {base_config} does not exist.')
    cfg = read_config(base_config)
    apply_options(cfg, {key: value for key, value in options.items() if not key.startswith('train_cfg')})
    return cfg
