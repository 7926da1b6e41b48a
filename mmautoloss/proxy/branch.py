"""A loss of a model that is searched: where it sits and what its graph reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.losses import InputKind, SearchedLoss, input_kind


@dataclass(frozen=True)
class Branch:
    """One searched loss.

    Attributes:
        name: Name in genomes and reports, such as ``rpn_cls``.
        path: Path of the loss module in the model, such as ``rpn_head.loss_cls``; also its path in the config.
        inputs: Name of the kind of input (``losses.INPUT_KINDS``).
    """

    name: str
    path: str
    inputs: str

    @property
    def kind(self) -> InputKind:
        """How calls become tensors."""
        return input_kind(self.inputs)

    def head(self, model: nn.Module) -> nn.Module:
        """The module that calls the loss."""
        return model.get_submodule(self.path.rpartition('.')[0])

    def loss(self, model: nn.Module) -> nn.Module:
        """The loss module that the model has now."""
        return model.get_submodule(self.path)

    def install(self, model: nn.Module, loss: nn.Module) -> None:
        """Puts a loss module in its place."""
        setattr(self.head(model), self.path.rpartition('.')[2], loss)

    def config(self, expression: str, weight: float) -> dict[str, Any]:
        """What stands in a config for the searched loss."""
        config: dict[str, Any] = {
            'type': 'mmautoloss.SearchedLoss',
            'expression': expression,
            'inputs': self.inputs,
            'loss_weight': weight,
        }
        if self.inputs == 'sigmoid':  # heads size their output by this key
            config['use_sigmoid'] = True
        return config


def build_branches(settings: Mapping[str, Mapping[str, str]]) -> tuple[Branch, ...]:
    """Branches from a config ``dict(rpn_cls=dict(path='rpn_head.loss_cls', inputs='sigmoid'), ...)``.

    Raises:
        SetupError: There are none, or a setting is missing or unknown.
    """
    if not settings:
        raise SetupError("branches must name at least one loss, such as dict(cls=dict(path='...', inputs='softmax')).")
    branches = []
    for name, options in settings.items():
        if set(options) != {'path', 'inputs'}:
            raise SetupError(f'The branch {name!r} needs the keys path and inputs, but got {", ".join(options)}.')
        input_kind(options['inputs'])
        branches.append(Branch(name, options['path'], options['inputs']))
    return tuple(branches)


def loss_paths(model: nn.Module) -> list[str]:
    """Paths of all modules that look like a loss."""
    return [path for path, _ in model.named_modules() if 'loss' in path.rpartition('.')[2]]


def check_branches(model: nn.Module, branches: tuple[Branch, ...]) -> None:
    """Compares branches with the model that was built.

    Raises:
        SetupError: A path leads nowhere, or the inputs do not fit the head; the text says what would.
    """
    known = loss_paths(model)
    for branch in branches:
        if branch.path not in known:
            raise SetupError(
                f'The branch {branch.name!r} has no loss at {branch.path!r}. Losses of this model: {", ".join(known)}.'
            )
        decoded = getattr(branch.head(model), 'reg_decoded_bbox', None)
        if branch.inputs == 'area' and decoded is False:
            raise SetupError(
                f'The branch {branch.name!r} reads areas of decoded boxes, but its head passes deltas. '
                f'Set reg_decoded_bbox=True in {branch.path.rpartition(".")[0]}, or inputs="delta".'
            )
        if branch.inputs == 'delta' and decoded is True:
            raise SetupError(
                f'The branch {branch.name!r} reads deltas, but its head passes decoded boxes. '
                f'Set reg_decoded_bbox=False in {branch.path.rpartition(".")[0]}, or inputs="area".'
            )
        sigmoid = getattr(branch.loss(model), 'use_sigmoid', None)
        if sigmoid is not None and branch.inputs in ('sigmoid', 'softmax'):
            wanted = 'sigmoid' if sigmoid else 'softmax'
            if branch.inputs != wanted:
                raise SetupError(
                    f'The head of the branch {branch.name!r} is built for {wanted} (use_sigmoid={sigmoid} in its loss), '
                    f'but got inputs={branch.inputs!r}. Set inputs={wanted!r}.'
                )


def build_losses(genome: Genome, weights: Mapping[str, float], branches: tuple[Branch, ...]) -> dict[str, nn.Module]:
    """A loss module for every branch of a genome."""
    return {
        branch.name: SearchedLoss(genome[branch.name], inputs=branch.inputs, loss_weight=weights.get(branch.name, 1.0))
        for branch in branches
    }


def require_installed(model: nn.Module, genome: Genome, branches: tuple[Branch, ...]) -> None:
    """Reads the losses back out of the model: what is trained must be what was proposed.

    Raises:
        SetupError: A branch holds another loss.
    """
    for branch in branches:
        loss = branch.loss(model)
        found = loss.expression if isinstance(loss, SearchedLoss) else type(loss).__name__
        if found != str(genome[branch.name]):
            raise SetupError(
                f'The model trains {found!r} in the branch {branch.name!r}, not {str(genome[branch.name])!r}.'
            )
