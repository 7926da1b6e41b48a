"""One Runner for many candidates: built once, reset for each."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.device import get_device
from mmengine.logging import MessageHub, MMLogger
from mmengine.model import MMDistributedDataParallel, is_model_wrapper, revert_sync_batchnorm
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner
from mmengine.runner.checkpoint import load_checkpoint
from mmengine.visualization import Visualizer
from torch import Tensor

from mmautoloss.compat import allow_mmengine_checkpoints
from mmautoloss.proxy.cache import KeptData, keep_samples
from mmautoloss.proxy.predictions import Predictions
from mmautoloss.proxy.progress import Progress

_KEPT_STATES = 4


class ProxyRunner(Runner):
    """A Runner that ``reset`` makes ready for another training.

    Datasets, model and evaluator are built once. What a training changes is set anew: initial weights (kept by seed,
    since building them may read a file), optimiser, schedulers, sampler, hooks, message hub, random generators. So a
    training gives the same score as in a fresh process.

    Attributes:
        progress: Is told of every iteration; an evaluator puts its own here.
        at_rung: Gets the result of the validation at the rung, and may raise to end the training; None for no rung.
        predictions: Gathers what is predicted in a validation; None for nothing.
    """

    progress: Progress
    at_rung: Callable[[dict[str, float]], None] | None = None
    predictions: Predictions | None = None
    _initial: dict[int, dict[str, Tensor]]

    @classmethod
    def from_cfg(cls, cfg: Config) -> ProxyRunner:
        """Builds the runner of a ``proxy_config``."""
        runner = super().from_cfg(cfg)
        runner._initial = {}
        runner.progress = Progress()
        runner._load_from = None  # part of the initial weights
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
            runner.train_dataset = _build_dataset(cfg.train_dataloader.dataset)
            runner._val_dataloader = _with_dataset(cfg.val_dataloader, _build_dataset(cfg.val_dataloader.dataset))
        return runner

    def keep_samples(self, limit: int) -> str:
        """Keeps samples of both data sets in memory; see ``proxy.cache``.

        Args:
            limit: Bytes that may be held; 0 for none.

        Returns:
            A line that says what is kept, or why nothing is; '' where nothing was asked for.
        """
        train, val = self.cfg.train_dataloader, self._val_dataloader
        data = [
            KeptData(self.train_dataset, self._reads(), train.get('num_workers', 0)),
            KeptData(val['dataset'], len(val['dataset']), val.get('num_workers', 0)),
        ]
        with DefaultScope.overwrite_default_scope(self.cfg.get('default_scope')):
            return keep_samples(data, limit)

    def _reads(self) -> int:
        """Samples that a training reads."""
        schedule, size = self.cfg.train_cfg, self.cfg.train_dataloader.get('batch_size')
        if 'max_iters' in schedule and isinstance(size, int):
            return schedule.max_iters * size
        return len(self.train_dataset) * schedule.get('max_epochs', 1)

    def reset(self, seed: int) -> None:
        """Makes ready for ``train``.

        Args:
            seed: Seed of the initial weights, the order of the data and all else.
        """
        self.model = self.bare_model
        state = self.initial_state(seed)
        cfg = copy.deepcopy(self.cfg)
        self._train_loop = cfg.train_cfg
        self._train_dataloader = _with_dataset(cfg.train_dataloader, self.train_dataset)
        self.optim_wrapper = cfg.optim_wrapper
        self.param_schedulers = cfg.get('param_scheduler')
        self._hooks = []
        self.register_hooks(cfg.default_hooks, cfg.custom_hooks)
        MessageHub._instance_dict.pop(self._experiment_name, None)
        self.message_hub = MessageHub.get_instance(self._experiment_name)
        self.model.load_state_dict(state)
        self.model.zero_grad(set_to_none=True)
        if self.distributed:
            self.model = self._distribute(self.model)
        self.set_randomness(seed=seed)

    def end_loops(self) -> None:
        """Ends the processes of the data loaders; the garbage collector would first break the pipes to them."""
        self._train_loop = self._val_loop = None

    def initial_state(self, seed: int) -> dict[str, Tensor]:
        """The weights that a fresh model has under a seed."""
        if seed not in self._initial:
            self.set_randomness(seed=seed)
            config = copy.deepcopy(self.cfg.model)
            if self.cfg.get('data_preprocessor'):
                config.setdefault('data_preprocessor', self.cfg.data_preprocessor)
            model = self.build_model(config)
            model.init_weights()
            if self.cfg.get('load_from'):
                allow_mmengine_checkpoints()
                load_checkpoint(model, self.cfg.load_from, map_location='cpu')
            if len(self._initial) >= _KEPT_STATES:
                self._initial.pop(next(iter(self._initial)))
            self._initial[seed] = {name: tensor.cpu().clone() for name, tensor in model.state_dict().items()}
        return self._initial[seed]

    @property
    def bare_model(self) -> torch.nn.Module:
        """The model without what distributes it among processes."""
        return self.model.module if is_model_wrapper(self.model) else self.model

    def wrap_model(self, model_wrapper_cfg: Any, model: torch.nn.Module) -> torch.nn.Module:
        """Moves the model to its device; ``reset`` wraps it, since a wrapper remembers the training before."""
        if not self.distributed:
            return super().wrap_model(model_wrapper_cfg, model)
        model = model.to(get_device())
        return model if torch.cuda.is_available() else revert_sync_batchnorm(model)

    def _distribute(self, model: torch.nn.Module) -> torch.nn.Module:
        if torch.cuda.is_available():
            return super().wrap_model(copy.deepcopy(self.cfg.get('model_wrapper_cfg')), model)
        unused = self.cfg.get('find_unused_parameters', False)
        return MMDistributedDataParallel(module=model, broadcast_buffers=False, find_unused_parameters=unused)

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Errors go to MMEngine's file, what a trial says to its own log (``trial_log.logged``), nothing to the console."""
        logger = super().build_logger(*args, **kwargs)
        logger.handlers = [handler for handler in logger.handlers if isinstance(handler, logging.FileHandler)]
        return logger

    def _init_model_weights(self) -> None:
        """``reset`` has loaded them."""

    def _log_env(self, env_cfg: dict) -> None:
        """Not for each worker: asking compilers and drivers for their versions takes a second."""

    def dump_config(self) -> None:
        """Not for each worker."""


def _with_dataset(loader: Mapping[str, Any], dataset: Any) -> dict[str, Any]:
    """The settings of a data loader with a data set that is there; MMEngine copies them deeply, but not the data."""
    dataset.__deepcopy__ = _Itself(dataset)
    return {**loader, 'dataset': dataset}


class _Itself:
    """A ``__deepcopy__`` that gives the thing itself."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __call__(self, memo: dict[int, Any]) -> Any:
        return self.thing


def _build_dataset(config: Any) -> BaseDataset:
    if not isinstance(config, dict):
        return config
    dataset = DATASETS.build(config)
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    return dataset


def forget_runner(experiment_name: str) -> None:
    """Takes what a Runner left in MMEngine's managers out of them, and closes its log file."""
    for manager in (MMLogger, MessageHub, Visualizer, DefaultScope):
        for name in list(manager._instance_dict):  # MMEngine appends a time stamp to most
            if name != experiment_name and not name.startswith(f'{experiment_name}_'):
                continue
            instance = manager._instance_dict.pop(name)
            for handler in list(instance.handlers) if manager is MMLogger else []:
                handler.close()


def all_finite(model: torch.nn.Module) -> bool:
    """Whether every weight is a finite number."""
    return all(bool(torch.isfinite(weight).all()) for weight in model.parameters())
