"""A searched loss of a model: its place and its kind of input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from mmautoloss.branches.hand_made import objective_of
from mmautoloss.branches.heads import ModelLoss, config_path, find_losses, head_of
from mmautoloss.branches.loss_kinds import lacks_cosines
from mmautoloss.branches.loss_settings import CARRIED
from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.losses import InputKind, SearchedLoss, input_kind, is_custom
from mmautoloss.trial import Trial


@dataclass(frozen=True)
class Branch:
    """One searched loss.

    Attributes:
        name: Name in genomes and reports, such as ``rpn_cls``.
        path: Path of the loss module in the model, such as ``rpn_head.loss_cls``.
        inputs: Name of the kind of input (``losses.INPUT_KINDS``).
        settings: Settings that the searched loss takes over from the hand-made one, as arguments of ``SearchedLoss``,
            such as class weights.

    Raises:
        SetupError: A setting is not in ``CARRIED``.
    """

    name: str
    path: str
    inputs: str
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        # settings may be read from a file
        if not isinstance(self.settings, Mapping) or not set(self.settings) <= set(CARRIED):
            raise SetupError(
                f'The settings of the branch {self.name!r} can be {", ".join(CARRIED)}, but got {self.settings!r}.'
            )

    @property
    def kind(self) -> InputKind:
        """The kind of input, which turns calls into tensors."""
        return input_kind(self.inputs)

    @property
    def config_path(self) -> str:
        """The path of the loss's settings in the model's config."""
        return config_path(self.path)

    def head(self, model: nn.Module) -> nn.Module:
        """The module that calls the loss."""
        return head_of(model, self.path)

    def loss(self, model: nn.Module) -> nn.Module:
        """The loss module that the model has at this path."""
        return model.get_submodule(self.path)

    def objective(self, model: nn.Module) -> Callable[..., Tensor]:
        """That loss as a function of the tensors of a recorded call."""
        return objective_of(self.loss(model), self.head(model))

    def install(self, model: nn.Module, loss: nn.Module) -> None:
        """Replaces the loss module of the model."""
        parent, _, name = self.path.rpartition('.')
        setattr(model.get_submodule(parent), name, loss)

    def config(self, expression: str, weight: float) -> dict[str, Any]:
        """The config of the searched loss."""
        config: dict[str, Any] = {
            'type': 'mmautoloss.SearchedLoss',
            'expression': expression,
            'inputs': self.inputs,
            'loss_weight': weight,
        }
        if self.kind.use_sigmoid:  # heads size their output by this key
            config['use_sigmoid'] = True
        return {**config, **self.settings}

    @property
    def entry(self) -> dict[str, Any]:
        """All attributes but the name, as the header of a journal has them."""
        settings = {'settings': dict(self.settings)} if self.settings else {}
        return {'path': self.path, 'inputs': self.inputs, **settings}


def build_branches(settings: BranchSettings, build_model: Callable[[], nn.Module]) -> tuple[Branch, ...]:
    """Branches from a config.

    Args:
        settings: ``'all'``, paths of losses, or by name a path or ``dict(path='rpn_head.loss_cls', inputs='sigmoid')``.
        build_model: Builds the model whose losses are inspected.

    Raises:
        SetupError: There are no branches, a setting is missing or unknown, or a loss cannot be searched.
    """
    if not settings or (isinstance(settings, str) and settings != 'all'):
        raise SetupError(
            "branches must be 'all', a list of paths, or dict(cls=dict(path='...', inputs='softmax')), "
            f'but got {settings!r}.'
        )
    model = build_model()
    losses = find_losses(model)
    if settings == 'all':
        chosen: dict[str, Any] = {loss.name: loss.path for loss in losses if loss.inputs}
        if not chosen:
            raise SetupError(f'No loss of this model can be searched.\n{describe(losses)}')
    elif isinstance(settings, Mapping):
        chosen = dict(settings)
    else:
        chosen = {_find(path, losses).name: path for path in settings}
    branches = tuple(
        _explicit(name, entry, losses) if _is_explicit(entry) else _discover(name, entry, losses)
        for name, entry in chosen.items()
    )
    check_branches(model, branches)
    return branches


BranchSettings = str | Sequence[str] | Mapping[str, Any]


def _is_explicit(entry: Any) -> bool:
    return isinstance(entry, Mapping) and 'inputs' in entry


def _explicit(name: str, entry: Mapping[str, str], losses: Sequence[ModelLoss]) -> Branch:
    """A branch whose inputs the user names; ``check_branches`` checks whether they fit."""
    if set(entry) != {'path', 'inputs'}:
        raise SetupError(f'The branch {name!r} needs the keys path and inputs, but got {", ".join(entry)}.')
    input_kind(entry['inputs'])
    settings = next((loss.settings for loss in losses if loss.path == entry['path']), {})
    return Branch(name, entry['path'], entry['inputs'], settings)


def _discover(name: str, entry: Any, losses: Sequence[ModelLoss]) -> Branch:
    path: Any = entry.get('path') if isinstance(entry, Mapping) else entry
    loss = _find(path, losses)
    if loss.inputs is None:
        raise SetupError(f'The loss {loss.loss} at {path!r} cannot be searched: {loss.reason}.')
    return Branch(name, loss.path, loss.inputs, loss.settings)


def _find(path: str, losses: Sequence[ModelLoss]) -> ModelLoss:
    for loss in losses:
        if loss.path == path:
            return loss
    raise SetupError(f'There is no loss at {path!r}. Losses of this model: {", ".join(loss.path for loss in losses)}.')


def describe(losses: Sequence[ModelLoss]) -> str:
    """One line per loss: path, class, and the inputs with which it can be searched, or why it cannot."""
    return '\n'.join(
        f'  {loss.path}: {loss.loss}, '
        + (f'inputs {loss.inputs!r}' if loss.inputs else f'not searchable: {loss.reason}')
        for loss in losses
    )


_SAME_CALLS = ({'triplet', 'pairs'}, {'softmax', 'cosine'})
"""Kinds of input that read the same calls, of which a config chooses."""


def check_branches(model: nn.Module, branches: tuple[Branch, ...]) -> None:
    """Checks branches against a built model.

    Raises:
        SetupError: There is no loss at a path, or the inputs do not fit the head; the message says which would.
    """
    by_path = {loss.path: loss for loss in find_losses(model)}
    for branch in branches:
        if branch.path not in by_path:
            raise SetupError(
                f'The branch {branch.name!r} has no loss at {branch.path!r}. Losses of this model: {", ".join(by_path)}.'
            )
        loss = by_path[branch.path]
        alike = {branch.inputs, loss.inputs} in _SAME_CALLS
        if branch.inputs == 'cosine' and (reason := lacks_cosines(branch.head(model))):
            raise SetupError(f'The branch {branch.name!r} cannot read cosines: {reason}.')
        if branch.inputs == loss.inputs or alike or loss.unknown or is_custom(branch.inputs):
            continue
        if loss.inputs is None:
            raise SetupError(f'The loss {loss.loss} of the branch {branch.name!r} cannot be searched: {loss.reason}.')
        raise SetupError(_misfit(branch, loss, model))


def _misfit(branch: Branch, loss: ModelLoss, model: nn.Module) -> str:
    head = loss.config_path.rpartition('.')[0]
    if (branch.inputs, loss.inputs) == ('area', 'delta'):
        return (
            f'The branch {branch.name!r} reads areas of decoded boxes, but its head passes deltas. '
            f'Set reg_decoded_bbox=True in {head}, or inputs="delta".'
        )
    if (branch.inputs, loss.inputs) == ('delta', 'area'):
        return (
            f'The branch {branch.name!r} reads deltas, but its head passes decoded boxes. '
            f'Set reg_decoded_bbox=False in {head}, or inputs="area".'
        )
    return (
        f'The head of the branch {branch.name!r} is built for {loss.inputs} ({loss.loss} with '
        f'use_sigmoid={getattr(branch.loss(model), "use_sigmoid", None)}), '
        f'but got inputs={branch.inputs!r}. Set inputs={loss.inputs!r}.'
    )


def build_losses(genome: Genome, weights: Mapping[str, float], branches: tuple[Branch, ...]) -> dict[str, nn.Module]:
    """A loss module for every branch of a genome."""
    return {
        branch.name: SearchedLoss(
            genome[branch.name], inputs=branch.inputs, loss_weight=weights.get(branch.name, 1.0), **branch.settings
        )
        for branch in branches
    }


def install_losses(trial: Trial, branches: tuple[Branch, ...], model: nn.Module) -> None:
    """Installs the losses of a trial in a model; without a genome the model keeps its hand-made ones."""
    if trial.genome is None:
        return
    losses = build_losses(trial.genome, trial.weights, branches)
    for branch in branches:
        branch.install(model, losses[branch.name])
    require_installed(model, trial.genome, branches)


def require_installed(model: nn.Module, genome: Genome, branches: tuple[Branch, ...]) -> None:
    """Checks that a model has the losses of a genome, so that the proposed ones are trained.

    Raises:
        SetupError: A branch has another loss.
    """
    for branch in branches:
        loss = branch.loss(model)
        installed = loss.expression if isinstance(loss, SearchedLoss) else type(loss).__name__
        if installed != str(genome[branch.name]):
            raise SetupError(
                f'The model trains {installed!r} in the branch {branch.name!r}, not {str(genome[branch.name])!r}.'
            )
