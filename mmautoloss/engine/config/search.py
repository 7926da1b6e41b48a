"""Search configs as the tools read them: a file and options of the command line."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmautoloss.engine.config.read import is_search, read_config
from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.config.tasks import read_search
from mmautoloss.engine.data.datasets import apply_options
from mmautoloss.engine.guarded_backend import guard_config
from mmautoloss.errors import SetupError, in_setup


def load_search_config(
    path: str, work_dir: str | None = None, options: Mapping[str, Any] | None = None, **settings: Any
) -> Config:
    """Reads a search config.

    Args:
        path: The file.
        work_dir: Where everything is written; by default ``work_dirs/NAME-OF-THE-CONFIG``.
        options: ``--cfg-options``; they also hold for the base config.
        **settings: Settings of the search with ``__`` for a dot, such as ``budget__max_trials``; None keeps that of the
            config.

    Raises:
        SetupError: The file is missing or no search config.
    """
    cfg = read_config(path)
    apply_options(cfg, options or {})
    if not is_search(cfg):
        raise SetupError(f"{path} is no search config: its train_cfg needs type='mmautoloss.SearchLoop'.")
    parts = Path(path).with_suffix('').parts
    name = '_'.join(parts[parts.index('configs') + 1 :] if 'configs' in parts else parts[-1:])
    cfg.work_dir = work_dir or cfg.get('work_dir') or str(Path('work_dirs') / name)
    chosen = {key.replace('__', '.'): value for key, value in settings.items() if value is not None}
    cfg.merge_from_dict({f'train_cfg.{key}': value for key, value in chosen.items()})
    # options of a resolved config in a work dir are kept, since they also hold for its base
    cfg.train_cfg.options = {**(cfg.train_cfg.get('options') or {}), **(options or {})}
    _prepare_visualizer(cfg)
    return cfg


def _prepare_visualizer(cfg: Config) -> None:
    """Puts the files of the backends into the work dir, and guards the search against their errors."""
    if cfg.get('visualizer'):
        cfg.visualizer.setdefault('save_dir', cfg.work_dir)
        # MMEngine would return an existing visualiser of the same name
        cfg.visualizer.name = f'search in {cfg.work_dir}'
        guard_config(cfg.visualizer)


def spec_of(cfg: Config) -> SearchSpec:
    """The search that a config describes, without a Runner."""
    settings = {key: value for key, value in cfg.train_cfg.items() if key != 'type'}
    return read_search(cfg, Path(cfg.work_dir).absolute(), settings)


def require_writable(work_dir: Path) -> None:
    """Makes the work dir if it is absent, and tries to write there.

    Raises:
        SetupError: It cannot be written.
    """
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=work_dir):
            return
    except OSError as error:
        raise SetupError(
            f'The work dir {work_dir} cannot be written: {error.strerror}. Choose another with --work-dir.'
        ) from None


def build_search(cfg: Config) -> Runner:
    """Builds the Runner of a search config, with its search and, as a check, its optimiser.

    Raises:
        SetupError: A part cannot be built, for instance if a type is misspelt. Parts that only trainings need are built
            when the search begins.
    """
    return in_setup(lambda: _built(cfg))


def _built(cfg: Config) -> Runner:
    runner = Runner.from_cfg(cfg)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = in_setup(lambda: runner.build_optim_wrapper(runner.optim_wrapper), 'optim_wrapper')
    return runner
