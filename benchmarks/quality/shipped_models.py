"""The models of the configs that the libraries ship, built without memory for their weights, and their losses."""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import io
import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from mmengine.config import Config, ConfigDict
from torch import nn

from mmautoloss.branches import ModelLoss, find_losses
from mmautoloss.engine import build_model, read_config

LIBRARIES = ('mmdet', 'mmseg', 'mmpose', 'mmpretrain')


class Shipped(NamedTuple):
    """A config of a library.

    Attributes:
        library: Its package.
        path: Path below the package's configs.
        losses: The losses of its model; none if it could not be built.
        error: Why it could not be built; '' if it was.
    """

    library: str
    path: str
    losses: tuple[ModelLoss, ...] = ()
    error: str = ''


def folder_of(library: str) -> Path | None:
    """The configs of a library; None if it is not installed."""
    spec = importlib.util.find_spec(library)
    return Path(str(spec.origin)).parent / '.mim' / 'configs' if spec else None


def one_of_each_folder(library: str) -> list[str]:
    """The first config of each folder of a library that holds configs, ``_base_`` apart."""
    configs = folder_of(library)
    if configs is None:
        return []
    first: dict[Path, Path] = {}
    for path in sorted(configs.rglob('*.py')):
        if path.relative_to(configs).parts[0] != '_base_' and 'dataset_settings' not in path.stem:
            first.setdefault(path.parent, path)
    return [str(path.relative_to(configs)) for path in first.values()]


def inspect(library: str, path: str) -> Shipped | None:
    """The losses of a config's model.

    Returns:
        None if the config has no model: it only sets data.
    """
    try:
        with _quiet():
            cfg = read_config(folder_of(library) / path)
            if not isinstance(cfg.get('model'), dict):
                return None
            return Shipped(library, path, tuple(_losses(cfg)))
    except Exception as error:  # whatever a foreign model raises, it counts as not built
        return Shipped(library, path, error=_line(error))


def _losses(cfg: Config) -> list[ModelLoss]:
    cfg = copy.deepcopy(cfg)
    cfg.model = ConfigDict(_without_weights(cfg.model.to_dict(), folder_of(cfg.default_scope)))
    try:
        with torch.device('meta'):
            return find_losses(build_model(cfg))
    except Exception:  # models that compute with values while they are built, or have class weights as a tensor
        with _without_initialisation():
            return find_losses(build_model(cfg))


_LEFT_OUT = ('init_cfg', 'pretrained', 'teacher_ckpt', 'checkpoint')
"""Settings that load weights."""
_ALONE = {'SyncBN': 'BN', 'MMSyncBN': 'BN'}
"""Norms that need other processes, and those that take their place."""


def _without_weights(node: Any, configs: Path) -> Any:
    """A config that loads no weights, needs no other process, and finds the configs of teachers."""
    if isinstance(node, dict):
        return {key: None if key in _LEFT_OUT else _without_weights(value, configs) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return type(node)(_without_weights(part, configs) for part in node)
    if isinstance(node, str) and node.startswith('configs/') and (configs.parent / node).is_file():
        return str(configs.parent / node)
    return _ALONE.get(node, node) if isinstance(node, str) else node


@contextlib.contextmanager
def _without_initialisation() -> Iterator[None]:
    """Weights keep what the memory holds: to draw them takes most of the time, and nobody reads them."""
    names = [name for name in vars(nn.init) if name.endswith('_') and not name.startswith('_')]
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(patch.object(nn.init, name, lambda tensor, *args, **kwargs: tensor))
        yield


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the libraries print and warn of while a model is built."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(logging.NOTSET)


def _line(error: Exception) -> str:
    """The beginning of an error, without folders of the machine."""
    words = re.sub(r'\S*/site-packages/', '', ' '.join(str(error).split())) or type(error).__name__
    return words.removeprefix('The config cannot be built: ').partition(' `make doctor`')[0][:160]
