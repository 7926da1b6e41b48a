"""Trains the controllers of mixtures: ``custom_hooks=[dict(type='mmautoloss.MixtureHook', ...)]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from torch import Tensor

from mmautoloss.checks import WrongTypeError, require_number, require_whole
from mmautoloss.compat import allow_mmengine_checkpoints
from mmautoloss.engine.loss_weights.held_back import HeldBack
from mmautoloss.engine.loss_weights.look_ahead import controller_gradients
from mmautoloss.engine.loss_weights.side_pass import LossCall, aside, bare
from mmautoloss.errors import SetupError
from mmautoloss.losses import LossMixture, SearchedLoss, examples_of
from mmautoloss.registry import HOOKS, register

KEY = 'mixtures'
"""Where checkpoints have what ``mmautoloss mixture`` reads, and the state of the optimisers."""


@register(HOOKS, everywhere=True)
class MixtureHook(Hook):
    """Trains the controllers of all ``LossMixture`` of a model on pictures that are held back.

    Every few iterations it asks what the outer loss on these pictures would be after a step of the last layer on the
    batch of the training (``look_ahead``), and lets Adam change the weights so that it falls. What it does is a function
    of the iteration and of what checkpoints hold, so a resumed training goes on as if it had not stopped.

    Args:
        dataloader: The pictures: ``dataset``, ``batch_size``, and ``collate_fn`` if the model needs one.
        outer: The loss that judges: a known one, a sum of such or an expression; or one for each path of a mixture.
        every: Iterations from one step of the controllers to the next.
        lr: Rate of Adam.
        step: Length of the step of the last layer that is looked ahead, as a share of the length of its weights.
        seed: Seed of the choice of the pictures.

    Raises:
        SetupError: Here or in ``before_train``: a setting has no meaning, there is no mixture, or the pictures are not
            apart from those of the training or the validation.
    """

    def __init__(
        self,
        dataloader: Mapping[str, Any],
        outer: str | Mapping[str, str],
        every: int = 10,
        lr: float = 0.05,
        step: float = 0.01,
        seed: int = 0,
    ) -> None:
        require_whole('every', every, 1)
        require_number('lr', lr, 0, above=True)
        require_number('step', step, 0, above=True)
        if not isinstance(outer, (str, Mapping)):
            raise WrongTypeError(f"outer must be a loss such as 'ce', or one by path of a mixture, but got {outer!r}.")
        self.held_back = HeldBack(dataloader, seed)
        self.outer, self.every, self.lr, self.step = outer, every, lr, step
        self._mixtures: dict[str, LossMixture] = {}
        self._outer: dict[str, SearchedLoss] = {}
        self._optimizers: dict[str, torch.optim.Adam] = {}
        self._examples: dict[str, tuple[Tensor, Tensor]] = {}
        self._loaded: Mapping[str, Any] = {}

    def before_run(self, runner: Any) -> None:
        """Lets torch load checkpoints of MMEngine, or no training resumes with torch from 2.6 on."""
        allow_mmengine_checkpoints()

    def before_train(self, runner: Any) -> None:
        """Finds the mixtures and builds the pictures."""
        self._mixtures = _mixtures_of(bare(runner.model))
        self._outer = {path: mixture.alone(self._outer_of(path)) for path, mixture in self._mixtures.items()}
        self._optimizers = {
            path: torch.optim.Adam(mixture.controller.parameters(), lr=self.lr)  # type: ignore[union-attr]
            for path, mixture in self._mixtures.items()
        }
        if runner.iter:
            self._continue()
        self.held_back.require_apart(runner.cfg)
        self.held_back.build()

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Trains the controllers, not before the scales of the losses are known."""
        if not runner.iter or runner.iter % self.every:
            return
        number, model = runner.iter // self.every, bare(runner.model)
        with aside(model, (self.held_back.seed << 20) + number):
            batches = data_batch, self.held_back.batch(number)
            gradients, calls = controller_gradients(model, self._mixtures, self._outer, batches, self.step)
            for path in gradients:
                self._keep_examples(path, calls[path])
        for path in self._mixtures:
            self._descend(path, gradients.get(path))

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Writes what the optimisers remember, and what describes the mixtures, in plain types."""
        checkpoint[KEY] = {
            path: {
                'settings': mixture.described(),
                'optimizer': self._optimizers[path].state_dict(),
                'examples': self._examples.get(path),
            }
            for path, mixture in self._mixtures.items()
        }

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Keeps that for a training that is resumed."""
        self._loaded = checkpoint.get(KEY) or {}

    def _outer_of(self, path: str) -> str:
        if isinstance(self.outer, str):
            return self.outer
        if path not in self.outer:
            raise SetupError(f'outer needs a loss for the mixture at {path!r}, but has only {", ".join(self.outer)}.')
        return self.outer[path]

    def _continue(self) -> None:
        for path, optimizer in self._optimizers.items():
            if path in self._loaded:
                optimizer.load_state_dict(self._loaded[path]['optimizer'])
                if self._loaded[path]['examples'] is not None:
                    self._examples[path] = self._loaded[path]['examples']

    def _keep_examples(self, path: str, calls: list[LossCall]) -> None:
        examples = examples_of(self._mixtures[path], calls[0].args, calls[0].kwargs)
        if len(examples[0]):
            self._examples[path] = examples

    def _descend(self, path: str, slopes: list[Tensor] | None) -> None:
        """A step of a controller, also of a process in which its loss was not called: the others wait for it."""
        called = torch.tensor(float(slopes is not None))
        all_reduce(called)
        if not called:
            return
        optimizer = self._optimizers[path]
        parameters = list(self._mixtures[path].controller.parameters())  # type: ignore[union-attr]
        for parameter, slope in zip(parameters, slopes or map(torch.zeros_like, parameters), strict=True):
            all_reduce(slope, 'mean')  # so that all processes have the same controller
            parameter.grad = slope if bool(slope.isfinite().all()) else torch.zeros_like(slope)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)  # or the optimiser of the model would see a gradient


def _mixtures_of(model: Any) -> dict[str, LossMixture]:
    found = {path: module for path, module in model.named_modules() if isinstance(module, LossMixture)}
    found = {path: mixture for path, mixture in found.items() if mixture.controller is not None}
    if not found:
        raise SetupError(
            'MixtureHook finds no mixture with a controller in the model: give a loss as '
            "dict(type='mmautoloss.LossMixture', losses=[...], controller=dict(per='example')), or leave the hook out."
        )
    for path, mixture in found.items():
        if mixture.reduction == 'none':
            raise SetupError(
                f"The mixture at {path!r} has reduction='none', of which its head takes parts: leave it out."
            )
    return found
