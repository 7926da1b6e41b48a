"""One Runner for many candidates, built once and reset for each."""

from __future__ import annotations

import copy
import gc
import logging
from collections.abc import Callable
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.logging import MessageHub, MMLogger
from mmengine.model import MMDistributedDataParallel, is_model_wrapper, revert_sync_batchnorm
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.runner.checkpoint import load_checkpoint
from mmengine.visualization import Visualizer
from torch import Tensor, nn

from mmautoloss.compat import allow_mmengine_checkpoints
from mmautoloss.proxy.begin import Begin, RandomStateHook
from mmautoloss.proxy.cache import KeptData, keep_samples
from mmautoloss.proxy.initial_state import InitialState
from mmautoloss.proxy.later_batches import LaterBatches, LaterIterator, skip_batches
from mmautoloss.proxy.predictions import Predictions
from mmautoloss.proxy.progress import Progress
from mmautoloss.proxy.shared_datasets import build_dataset, with_dataset
from mmautoloss.proxy.state import Original
from mmautoloss.proxy.training_state import put_state, put_weights

_KEPT_MODELS = 4


class ProxyRunner(Runner):
    """A Runner that ``reset`` prepares for another training.

    Each training has its own model, a copy of the one that was built with its seed (cached by seed, since building may
    read a file), and its own loops, loaders, samplers, optimiser, schedulers, hooks, message hub and random states. Data
    sets and evaluator are built once, and restored to their state before the first training (``Snapshot``). So a training
    gives the same score as in a fresh process; only state of classes and modules is not restored.

    Attributes:
        train_dataset: The training data.
        progress: Counts every iteration; replaced by that of the evaluator.
        at_rung: Called with the result of the validation at the rung; may raise to end the training. None for no rung.
        predictions: Collects the predictions of a validation; None to keep none.
        begin: The saved training that the next one continues; None if it begins as its config says.
    """

    train_dataset: Any
    progress: Progress
    at_rung: Callable[[dict[str, float]], None] | None = None
    predictions: Predictions | None = None
    begin: Begin | None = None
    _later: LaterBatches | None = None
    _skips = False
    _initial: dict[int, Original]
    _as_built: InitialState | None = None

    @classmethod
    def from_cfg(cls, cfg: Config) -> ProxyRunner:
        """Builds the Runner of a ``proxy_config``.

        Raises:
            SetupError: A data set is empty.
        """
        runner = super().from_cfg(cfg)
        runner._initial = {}
        runner.progress = Progress()
        runner._load_from = None  # already part of the initial weights
        # so that random choices made while data sets are built are the same in each process
        runner.set_randomness(seed=(cfg.get('randomness') or {}).get('seed') or 0)
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
            runner.train_dataset = build_dataset(cfg, 'train_dataloader')
            runner._val_dataloader = with_dataset(cfg.val_dataloader, build_dataset(cfg, 'val_dataloader'))
            runner._val_evaluator = runner.build_evaluator(runner._val_evaluator)
        return runner

    def keep_samples(self, limit: int) -> str:
        """Caches samples of both data sets in memory; see ``proxy.cache``.

        Args:
            limit: Largest size in bytes; 0 disables the cache.

        Returns:
            A line that says which samples are cached, or why none are; '' if the cache is disabled.
        """
        train, val = self.cfg.train_dataloader, self._val_dataloader
        data = [
            KeptData(self.train_dataset, self._reads(), train.get('num_workers', 0)),
            KeptData(val['dataset'], len(val['dataset']), val.get('num_workers', 0)),
        ]
        with DefaultScope.overwrite_default_scope(self.cfg.get('default_scope')):
            return keep_samples(data, limit)

    def _reads(self) -> int:
        """Number of samples that a training reads."""
        schedule, size = self.cfg.train_cfg, self.cfg.train_dataloader.get('batch_size')
        if 'max_iters' in schedule and isinstance(size, int):
            return schedule.max_iters * size
        return len(self.train_dataset) * schedule.get('max_epochs', 1)

    def reset(
        self,
        seed: int,
        prepare: Callable[[nn.Module], None] = lambda model: None,
        begin: Begin | None = None,
        schedulers: Any = None,
    ) -> None:
        """Prepares the next ``train``.

        Args:
            seed: Seed of the initial weights, the order of the data and all other random choices.
            prepare: Called with the model before it is distributed, to install losses in it.
            begin: The saved training that is continued.
            schedulers: ``param_scheduler`` in place of that of the config.
        """
        self._restore()
        self.begin = begin
        cfg = copy.deepcopy(self.cfg)
        self._train_loop = cfg.train_cfg
        self._train_dataloader = with_dataset(cfg.train_dataloader, self.train_dataset)
        self._val_loop = cfg.val_cfg
        self.optim_wrapper = cfg.optim_wrapper
        self.param_schedulers = copy.deepcopy(schedulers) if schedulers is not None else cfg.get('param_scheduler')
        self._hooks: list[Hook] = []
        self.register_hooks(cfg.default_hooks, cfg.custom_hooks)
        self._empty_message_hub()
        self._become_current()
        self.model = self.wrap_model(self.cfg.get('model_wrapper_cfg'), self._fresh_model(seed))
        prepare(self.model)
        if begin:
            put_weights(self, begin.checkpoint)
        if self.distributed:
            self.model = self._distribute(self.model)
        self.set_randomness(seed=seed)

    def build_train_loop(self, loop: Any) -> Any:
        """The loop, whose loader leaves out the batches before, if the training is continued."""
        self._skips = self.begin is not None and not self.begin.epochs
        try:
            return super().build_train_loop(loop)
        finally:
            self._skips = False

    def build_dataloader(self, dataloader: Any, seed: int | None = None, diff_rank_seed: bool = False) -> Any:
        """The loader of a config; see ``build_train_loop``."""
        loader = super().build_dataloader(dataloader, seed, diff_rank_seed)
        begin = self.begin
        if begin and self._skips and loader.batch_sampler is not None:
            self._later = skip_batches(loader, begin.iterations, begin.put_random_state)
        return loader

    def load_or_resume(self) -> None:
        """Puts the state of the continued training in place, after all parts of this one are built."""
        begin = self.begin
        if begin is None:
            return
        put_state(self, begin.checkpoint, begin.keep_optimizer)
        loop: Any = self.train_loop
        if self._later is not None:
            then = begin.put_random_state if loop.dataloader.num_workers else None
            loop.dataloader_iterator = LaterIterator(loop.dataloader_iterator, self._later, begin.iterations, then)
        self.register_hook(RandomStateHook(begin))

    def _empty_message_hub(self) -> None:
        """Resets the message hub in place, since models and transforms may hold a reference to it."""
        self.message_hub.__dict__.update(vars(MessageHub(self._experiment_name)))
        MessageHub._instance_dict.pop(self._experiment_name, None)
        MessageHub._instance_dict[self._experiment_name] = self.message_hub  # the last entry is the current instance

    def _become_current(self) -> None:
        """Makes its instances the current ones, for which libraries ask; another Runner may have been used since."""
        names = (self._experiment_name, self.visualizer.instance_name)
        for manager in (MMLogger, Visualizer, DefaultScope):
            for name in names:
                if name in manager._instance_dict:  # the last entry is the current one
                    manager._instance_dict[name] = manager._instance_dict.pop(name)

    def _restore(self) -> None:
        """Restores the initial state; before the first training, records it."""
        self.end_loops()
        if self._as_built is None:
            self._as_built = InitialState(self)
        self.model = self.optim_wrapper = None  # type: ignore[assignment]  # a GPU need not hold two models
        self._as_built.restore(self)
        if torch.cuda.is_available():
            gc.collect()

    def leftover(self) -> dict[str, str]:
        """State that cannot be restored after a training, by path, such as a counter in a C object."""
        if self._as_built is None:
            return {}
        self._restore()
        return self._as_built.leftover()

    def build_training(self) -> None:
        """Builds the loops, optimiser and schedulers that ``train`` would; they last until the next ``reset``."""
        self._train_loop = self.build_train_loop(self._train_loop)
        self.optim_wrapper = self.build_optim_wrapper(self.optim_wrapper)
        if self.param_schedulers is not None:
            self.param_schedulers = self.build_param_scheduler(self.param_schedulers)
        self._val_loop = self.build_val_loop(self._val_loop)

    def end_loops(self) -> None:
        """Ends the processes of the data loaders; the garbage collector would first close the pipes to them."""
        self._train_loop = self._val_loop = None

    def initial_state(self, seed: int) -> dict[str, Tensor]:
        """The initial weights for a seed."""
        return self.initial_model(seed).state_dict()

    def _fresh_model(self, seed: int) -> nn.Module:
        """An untrained model for one training: a copy of the initial one, or that itself if it cannot be copied."""
        model = self.initial_model(seed)
        copied = self._initial[seed].copy()
        if copied is None:
            del self._initial[seed]
        return copied or model

    def initial_model(self, seed: int) -> nn.Module:
        """The model as built with a seed, on the CPU; it is never run."""
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
            if len(self._initial) >= _KEPT_MODELS:
                self._initial.pop(next(iter(self._initial)))
            self._initial[seed] = Original(model)
        return self._initial[seed].model

    @property
    def bare_model(self) -> nn.Module:
        """The model without its distributed wrapper."""
        model: Any = self.model
        return model.module if is_model_wrapper(model) else model

    def wrap_model(self, model_wrapper_cfg: Any, model: nn.Module) -> nn.Module:
        """Moves the model to its device; ``reset`` wraps it anew, since a wrapper keeps state of the previous training."""
        if not self.distributed:
            return super().wrap_model(model_wrapper_cfg, model)
        model = model.to(get_device())
        return model if torch.cuda.is_available() else revert_sync_batchnorm(model)

    def _distribute(self, model: nn.Module) -> nn.Module:
        if torch.cuda.is_available():
            return super().wrap_model(copy.deepcopy(self.cfg.get('model_wrapper_cfg')), model)
        unused = self.cfg.get('find_unused_parameters', False)
        return MMDistributedDataParallel(module=model, broadcast_buffers=False, find_unused_parameters=unused)

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Logs errors to MMEngine's file and nothing to the console; a trial adds its own log (``trial_log.logged``)."""
        logger = super().build_logger(*args, **kwargs)
        logger.handlers = [handler for handler in logger.handlers if isinstance(handler, logging.FileHandler)]
        return logger

    def _init_model_weights(self) -> None:
        """Does nothing: ``reset`` has set the weights."""

    def _log_env(self, env_cfg: dict) -> None:
        """Does nothing: collecting the versions of compilers and drivers takes a second."""

    def dump_config(self) -> None:
        """Does nothing: no worker needs a copy of the config."""


def forget_runner(experiment_name: str) -> None:
    """Removes the instances of a Runner from MMEngine's managers, and closes its log file."""
    for manager in (MMLogger, MessageHub, Visualizer, DefaultScope):
        for name in list(manager._instance_dict):  # MMEngine appends a time stamp to most
            if name != experiment_name and not name.startswith(f'{experiment_name}_'):
                continue
            instance = manager._instance_dict.pop(name)
            for handler in list(instance.handlers) if manager is MMLogger else []:
                handler.close()


def all_finite(model: nn.Module) -> bool:
    """Whether every weight is finite."""
    found: dict[torch.device, list[Tensor]] = {}
    for weight in model.parameters():
        found.setdefault(weight.device, []).append(torch.isfinite(weight).all())
    return all(bool(torch.stack(flags).all()) for flags in found.values())  # each reading waits for the device
