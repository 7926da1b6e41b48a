"""Losses that take over late in a training: ``custom_hooks=[dict(type='mmautoloss.LossSwitchHook', ...)]``."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import BaseOptimWrapper, OptimWrapperDict
from mmengine.registry import MODELS
from mmengine.runner import EpochBasedTrainLoop
from torch import nn
from torch.optim import Optimizer

from mmautoloss.branches import build_replacements
from mmautoloss.checks import WrongTypeError
from mmautoloss.compat import allow_mmengine_checkpoints
from mmautoloss.engine.config import TrainLength, require_share
from mmautoloss.engine.config.begin import OPTIMIZERS
from mmautoloss.errors import SetupError, in_setup
from mmautoloss.losses import SearchedLoss
from mmautoloss.registry import HOOKS, register


@register(HOOKS, everywhere=True)
class LossSwitchHook(Hook):
    """Trains with the losses of the model first, and with others from a share of the training on.

    Whether a loss has been exchanged follows from the iteration alone, so a training that is resumed, before or after
    the switch, ends with the weights of one that was not interrupted. Everything is checked as the training begins.

    Args:
        at: The share of the training at which the losses change, between 0 and 1; 0 from the beginning, for losses that
            have no place in the config, as those of distillers, which read the config of the student from a file. By
            iterations to the nearest one; in a training by epochs to the beginning of the nearest epoch.
        losses: Configs of the later losses, by path of the loss in the model, as ``mmautoloss branches`` lists it. A path
            without the numbers of stages, such as ``roi_head.bbox_head.loss_cls`` of a cascade, is that of all stages.
            What a ``SearchedLoss`` does not set (``inputs``, ``loss_weight``, class weights and the like) is that of the
            loss in its place.
        optimizer: Whether the state of the optimiser, such as its momenta, is kept at the switch (``'keep'``), or is that
            of the beginning (``'new'``). Learning rates are not affected.

    Raises:
        SetupError: Here or in ``before_train``: a setting cannot work, or a loss does not fit the model.
    """

    def __init__(self, at: float, losses: Mapping[str, Mapping[str, Any]], optimizer: str = 'keep') -> None:
        if at != 0:
            require_share(at)
        if not isinstance(losses, Mapping) or not losses or not all(_is_config(loss) for loss in losses.values()):
            raise WrongTypeError(
                "losses must be configs by path, such as {'decode_head.loss_decode': dict(type='SearchedLoss', "
                f"expression='...')}}, but got {losses!r}."
            )
        if optimizer not in OPTIMIZERS:
            raise SetupError(f'optimizer must be one of {", ".join(OPTIMIZERS)}, but got {optimizer!r}.')
        self.at = at
        self.losses = losses
        self.optimizer = optimizer
        self._switch = 0
        self._waiting: dict[str, nn.Module] = {}  # the later losses, until they are in the model
        self._fresh: list[dict[Any, Any]] = []  # the first state of each optimiser

    def before_run(self, runner: Any) -> None:
        """Keeps the state that the optimiser has before a checkpoint is loaded, and lets torch load it."""
        allow_mmengine_checkpoints()  # or no training resumes, with torch from 2.6 on
        if self.optimizer == 'new':
            self._fresh = [_copied(optimizer) for optimizer in _optimizers(runner.optim_wrapper)]

    def before_train(self, runner: Any) -> None:
        """Builds the later losses and checks whether they fit."""
        self._switch = _iteration(runner.train_loop, self.at)
        model = _bare(runner.model)
        self._waiting = build_replacements(model, self.losses, lambda config: in_setup(lambda: MODELS.build(config)))
        for loss in self._waiting.values():
            loss.to(next(model.parameters()).device)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Exchanges the losses, once."""
        if not self._waiting or runner.iter < self._switch:
            return
        model = _bare(runner.model)
        for path, loss in self._waiting.items():
            runner.logger.info(f'From iteration {self._switch + 1} on, {path} is {_words(loss)}.')
            parent, _, name = path.rpartition('.')
            setattr(model.get_submodule(parent), name, loss)
        self._waiting = {}
        if self.optimizer == 'new' and runner.iter == self._switch:  # later, a checkpoint has brought its state
            for optimizer, fresh in zip(_optimizers(runner.optim_wrapper), self._fresh, strict=True):
                optimizer.state.clear()
                optimizer.state.update(fresh)


def _is_config(loss: Any) -> bool:
    return isinstance(loss, Mapping) and 'type' in loss


def _iteration(loop: Any, at: float) -> int:
    """The number of iterations before a share of a training."""
    if at == 0:
        return 0
    if isinstance(loop, EpochBasedTrainLoop):
        return TrainLength(loop.max_epochs, by_epoch=True).step(at) * len(loop.dataloader)
    return TrainLength(loop.max_iters, by_epoch=False).step(at)


def _bare(model: Any) -> Any:
    return model.module if is_model_wrapper(model) else model


def _optimizers(wrapper: Any) -> Iterator[Optimizer]:
    """All optimisers; none where the Runner tests."""
    if isinstance(wrapper, OptimWrapperDict):
        for part in wrapper.values():
            yield part.optimizer
    elif isinstance(wrapper, BaseOptimWrapper):
        yield wrapper.optimizer


def _copied(optimizer: Optimizer) -> dict[Any, Any]:
    """A copy of the state of an optimiser, which most fill at their first step, by parameter."""
    return {parameter: copy.deepcopy(values) for parameter, values in optimizer.state.items()}


def _words(loss: nn.Module) -> str:
    if isinstance(loss, SearchedLoss):
        return f'{loss.expression} (loss_weight {loss.loss_weight:.4g})'
    return type(loss).__name__
