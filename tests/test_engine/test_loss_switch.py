"""Trainings of the toy whose losses change late: what is trained, that resuming changes nothing, and what is refused."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch import Tensor, nn

from mmautoloss.compat import allow_mmengine_checkpoints
from mmautoloss.engine.loss_switch import LossSwitchHook
from mmautoloss.errors import ExpressionError, SetupError
from mmautoloss.registry import MODELS
from mmautoloss.testing import toy
from mmautoloss.testing.toy_searches import BASE, changed

LENGTH, SWITCH = 20, 15
OF_EPOCH = 4
LOSSES = {
    'head.loss_cls': {'type': 'SearchedLoss', 'expression': '1 - p * y', 'loss_weight': 2.0},
    'head.loss_box': {'type': 'mmautoloss.SearchedLoss', 'expression': '(p - y) ** 2'},
}
ITERATIONS = {'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': LENGTH, 'val_interval': 99}}
EPOCHS = {
    'train_cfg': {'type': 'EpochBasedTrainLoop', 'max_epochs': 5, 'val_interval': 9},
    'train_dataloader.sampler.type': 'DefaultSampler',
    'train_dataloader.dataset.length': 16,
}
"""A switch at 0.75 is at the nearest epoch: the end of epoch 4, which is iteration 16."""


class SeenHook(Hook):
    """Remembers the class loss, its value and the weights of every iteration."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.losses: list[str] = []
        self.names: list[set[str]] = []

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        model = getattr(runner.model, 'module', runner.model)
        self.losses.append(type(model.head.loss_cls).__name__)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        self.names.append(set(outputs))


def train(
    folder: Path, options: dict[str, Any], hooks: list[Any], resume: str | None = None, wrapper: Any = None
) -> Runner:
    """Trains the toy, without what is random in its steps, and keeps a checkpoint of every iteration or epoch."""
    base = {'model.plain': True, 'randomness': {'seed': 4}, **options}
    cfg = Config(changed(BASE, base) | {'work_dir': str(folder), 'experiment_name': str(folder)})
    every = {'type': 'CheckpointHook', 'interval': 1, 'by_epoch': 'max_epochs' in cfg.train_cfg}
    cfg.custom_hooks = [*(copy.deepcopy(hook) for hook in hooks if isinstance(hook, dict)), every]
    cfg.resume, cfg.load_from = resume is not None, resume
    runner = Runner.from_cfg(cfg)
    runner.model = wrapper(module=runner.model) if wrapper else runner.model
    allow_mmengine_checkpoints()
    runner.seen = SeenHook()
    for hook in (runner.seen, *(hook for hook in hooks if isinstance(hook, Hook))):
        runner.register_hook(hook)
    runner.train()
    return runner


def switch(**settings: Any) -> dict[str, Any]:
    return {'type': 'mmautoloss.LossSwitchHook', 'at': 0.75, 'losses': LOSSES, **settings}


def same(state: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return state.keys() == other.keys() and all(torch.equal(state[key], other[key]) for key in state)


def test_the_second_part_is_a_training_with_the_other_losses(tmp_path: Path) -> None:
    """The same as training with the hand-made losses, then resuming a model that was built with the others."""
    runner = train(tmp_path / 'switch', ITERATIONS, [switch()])
    assert runner.seen.losses == ['ToyCrossEntropy'] * SWITCH + ['SearchedLoss'] * (LENGTH - SWITCH)
    assert all(names == {'loss_cls', 'loss_box', 'loss'} for names in runner.seen.names)
    train(tmp_path / 'first', ITERATIONS, [])
    built = {
        'model.head.loss_cls': LOSSES['head.loss_cls'],
        'model.head.loss_box': {**LOSSES['head.loss_box'], 'inputs': 'delta', 'loss_weight': 0.5},
    }
    second = train(tmp_path / 'second', {**ITERATIONS, **built}, [], str(tmp_path / 'first' / f'iter_{SWITCH}.pth'))
    assert same(runner.model.state_dict(), second.model.state_dict())
    assert not same(runner.model.state_dict(), torch.load(tmp_path / 'first' / 'iter_20.pth')['state_dict'])


CASES = {
    'iterations': (ITERATIONS, {}, 'iter', (14, 15, 16)),
    'a new optimiser': (ITERATIONS, {'optimizer': 'new'}, 'iter', (14, 15, 16)),
    'a new Adagrad, whose state is filled from the first': (
        {**ITERATIONS, 'optim_wrapper.optimizer': {'type': 'Adagrad', 'lr': 0.1}},
        {'optimizer': 'new'},
        'iter',
        (15,),
    ),
    'epochs': (EPOCHS, {'optimizer': 'new'}, 'epoch', (3, 4)),
    'accumulated gradients': (
        {**ITERATIONS, 'optim_wrapper.accumulative_counts': 2},
        {'optimizer': 'new', 'at': 0.5},
        'iter',
        (8, 10, 12),
    ),
}


@pytest.mark.parametrize(('options', 'settings', 'unit', 'points'), CASES.values(), ids=CASES)
def test_resuming_changes_nothing(
    tmp_path: Path, options: dict[str, Any], settings: dict[str, Any], unit: str, points: tuple[int, ...]
) -> None:
    """Before, exactly at, and after the switch, bit by bit; averaged weights, too."""
    hooks = [switch(**settings), {'type': 'EMAHook', 'momentum': 0.1}]
    whole = train(tmp_path / 'whole', options, hooks)
    for point in points:
        checkpoint = tmp_path / 'whole' / f'{unit}_{point}.pth'
        resumed = train(tmp_path / str(point), options, hooks, str(checkpoint))
        assert same(whole.model.state_dict(), resumed.model.state_dict()), point
        assert same(_averaged(whole), _averaged(resumed)), point
        assert resumed.seen.losses == whole.seen.losses[-len(resumed.seen.losses) :]


def _averaged(runner: Runner) -> dict[str, Tensor]:
    (hook,) = (hook for hook in runner.hooks if type(hook).__name__ == 'EMAHook')
    return hook.ema_model.state_dict()


def test_the_epoch_is_the_nearest(tmp_path: Path) -> None:
    losses = train(tmp_path, EPOCHS, [switch()]).seen.losses
    assert losses == ['ToyCrossEntropy'] * 16 + ['SearchedLoss'] * 4


class MomentaHook(Hook):
    """Remembers the momenta of the box layer and the rate after every iteration."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.momenta: list[Tensor] = []
        self.rates: list[float] = []

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        optimizer = runner.optim_wrapper.optimizer
        self.momenta.append(optimizer.state[runner.model.head.box.weight]['momentum_buffer'].clone())
        self.rates.append(optimizer.param_groups[0]['lr'])


def test_a_new_optimiser_has_no_momenta(tmp_path: Path) -> None:
    """Momenta m become 0.9 m + g with the gradient g; without a past they are g. The schedule goes on."""
    kept, new = MomentaHook(), MomentaHook()
    for hook, optimizer in ((kept, 'keep'), (new, 'new')):
        train(tmp_path / optimizer, ITERATIONS, [switch(optimizer=optimizer), hook])
    before, after = kept.momenta[SWITCH - 1], kept.momenta[SWITCH]
    assert before.abs().max() > 0.01
    assert torch.equal(new.momenta[SWITCH - 1], before)
    assert torch.allclose(after - new.momenta[SWITCH], 0.9 * before, atol=1e-6)
    assert kept.rates == new.rates


class NamedLoss(nn.Module):
    """A loss that says its name in logs, as those of mmseg do, and has the weight of its classes."""

    use_sigmoid = False
    loss_weight = 0.25

    def __init__(self, loss_name: str = 'loss_named', class_weight: list[float] | None = None) -> None:
        super().__init__()
        self.loss_name, self.class_weight = loss_name, class_weight

    def forward(self, pred: Tensor, target: Tensor, weight: Tensor, avg_factor: float) -> Tensor:
        return nn.functional.cross_entropy(pred, target)


class LossWithMemory(nn.Module):
    use_sigmoid = False

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('seen', torch.zeros(1))


MODELS.register_module(module=NamedLoss)
MODELS.register_module(module=LossWithMemory)


def begin(folder: Path, options: dict[str, Any], **settings: Any) -> nn.Module:
    """The model of a training of four iterations, of which the last two have these losses."""
    cfg = {'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': 4, 'val_interval': 99}, **options}
    return train(folder, cfg, [switch(**{'at': 0.5, **settings})]).model


def test_settings_of_the_replaced_loss_are_taken_over(tmp_path: Path) -> None:
    weights = [1.0, 2.0, 3.0, 4.0]
    old = {'type': 'mmautoloss.NamedLoss', 'loss_name': 'loss_mine', 'class_weight': weights}
    options = {'model.head.loss_cls': old}
    losses = {'head.loss_cls': {'type': 'SearchedLoss', 'expression': '-y * log(p)'}}
    loss = begin(tmp_path / 'a', options, losses=losses).head.loss_cls
    assert (loss.kind.name, loss.loss_weight, loss.loss_name) == ('softmax', 0.25, 'loss_mine')
    assert list(loss.counts.class_weight) == weights
    losses = {'head.loss_cls': {'type': 'mmautoloss.NamedLoss'}}
    assert begin(tmp_path / 'b', options, losses=losses).head.loss_cls.loss_name == 'loss_mine'
    losses = {'head.loss_cls': {'type': 'mmautoloss.NamedLoss', 'loss_name': 'loss_other'}}
    assert begin(tmp_path / 'c', options, losses=losses).head.loss_cls.loss_name == 'loss_other'


AREA = {'head.loss_box': {'type': 'SearchedLoss', 'expression': '1 - i / u', 'inputs': 'area'}}
MEMORY = {'type': 'mmautoloss.LossWithMemory'}
ERRORS = {
    'no share': ({'at': 1.5}, {}, 'at must be a share of the training, between 0 and 1'),
    'whole number': ({'at': 1}, {}, 'at must be a share of the training'),
    'no iteration before': ({'at': 0.01}, {}, 'at=0.01 of 4 iterations must leave some before it'),
    'no losses': ({'losses': {}}, {}, 'losses must be configs by path'),
    'text': ({'losses': {'head.loss_cls': 'ce'}}, {}, 'losses must be configs by path'),
    'optimizer': ({'optimizer': 'old'}, {}, "optimizer must be one of keep, new, but got 'old'"),
    'no place': ({'losses': {'head.loss_x': MEMORY}}, {}, "no loss at 'head.loss_x'.*head.loss_cls, head.loss_box"),
    'no class': ({'losses': {'head.loss_cls': {'type': 'NoLoss'}}}, {}, 'NoLoss is not in'),
    'no formula': (
        {'losses': {'head.loss_cls': {'type': 'SearchedLoss', 'expression': 'log(p'}}},
        {},
        'Cannot read',
    ),
    'area': (
        {'losses': AREA},
        {},
        'reads areas of decoded boxes, but its head passes deltas. Set reg_decoded_bbox=True',
    ),
    'sigmoid': (
        {'losses': {'head.loss_cls': {'type': 'SearchedLoss', 'expression': 'p', 'inputs': 'sigmoid'}}},
        {},
        'is built for softmax',
    ),
    'memory': (
        {'losses': {'head.loss_cls': MEMORY}},
        {},
        r'LossWithMemory at .*loss_cls. has parameters or buffers \(seen\)',
    ),
    'memory before': ({}, {'model.head.loss_cls': MEMORY}, r'LossWithMemory at .* has parameters or buffers \(seen\)'),
}


@pytest.mark.parametrize(('settings', 'options', 'error'), ERRORS.values(), ids=ERRORS)
def test_refused_before_the_first_iteration(
    tmp_path: Path, settings: dict[str, Any], options: dict[str, Any], error: str
) -> None:
    faults = {'model.faults': {'fail_at': 0}}  # a first iteration would raise another error
    with pytest.raises((SetupError, ExpressionError), match=error):
        begin(tmp_path, {**options, **faults}, **settings)


@pytest.fixture
def group() -> Iterator[None]:
    """A group of one process, in which models are wrapped as in a training by several."""
    torch.distributed.init_process_group('gloo', store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_the_model_within_a_wrapper(tmp_path: Path, group: None) -> None:
    """Gradients are still those that the wrapper averages: the weights are those without it."""
    plain = train(tmp_path / 'plain', ITERATIONS, [switch()]).model.state_dict()
    wrapped = train(tmp_path / 'wrapped', ITERATIONS, [switch()], wrapper=MMDistributedDataParallel)
    assert wrapped.seen.losses.count('SearchedLoss') == LENGTH - SWITCH
    state = wrapped.model.module.state_dict()
    assert all(torch.allclose(plain[key], state[key]) for key in plain)


def test_the_switch_is_logged(tmp_path: Path, capfd) -> None:
    train(tmp_path, {**ITERATIONS, 'log_level': 'INFO'}, [switch()])
    lines = [line for line in ''.join(capfd.readouterr()).splitlines() if 'From iteration' in line]
    assert [line.partition(' - INFO - ')[2] for line in lines] == [
        'From iteration 16 on, head.loss_cls is 1 - p * y (loss_weight 2).',
        'From iteration 16 on, head.loss_box is (p - y) ** 2 (loss_weight 0.5).',
    ]


def test_several_optimisers_begin_anew() -> None:
    """As with models of several networks; one of them is Adagrad, whose first state is not empty."""
    layers = [nn.Linear(2, 2), nn.Linear(2, 2)]
    optimizers = [torch.optim.SGD(layers[0].parameters(), 0.1, 0.9), torch.optim.Adagrad(layers[1].parameters(), 0.1)]
    wrapper = OptimWrapperDict(a=OptimWrapper(optimizers[0]), b=OptimWrapper(optimizers[1]))
    model = nn.Module()
    model.head = toy.ToyHead({'type': 'ToyCrossEntropy'}, {'type': 'ToyL1'})
    loop = SimpleNamespace(max_iters=4)
    runner = SimpleNamespace(model=model, optim_wrapper=wrapper, train_loop=loop, iter=0, logger=logging.getLogger())
    hook = LossSwitchHook(0.5, LOSSES, 'new')
    hook.before_run(runner)
    hook.before_train(runner)
    for iteration in range(3):
        runner.iter = iteration
        hook.before_train_iter(runner, iteration)
        if iteration < 2:
            layers[1](layers[0](torch.ones(1, 2))).sum().backward()
            for optimizer in optimizers:
                optimizer.step()
    assert not optimizers[0].state
    assert all(state['sum'].eq(0).all() and state['step'] == 0 for state in optimizers[1].state.values())
    assert type(model.head.loss_cls).__name__ == 'SearchedLoss'


def test_a_validation_needs_no_losses(tmp_path: Path) -> None:
    cfg = Config({**changed(BASE, ITERATIONS), 'work_dir': str(tmp_path), 'custom_hooks': [switch(optimizer='new')]})
    assert Runner.from_cfg(cfg).val().keys() >= {'toy/score'}


def test_registered_by_its_full_name_and_by_its_bare_name() -> None:
    from mmengine.registry import HOOKS

    for kind in ('mmautoloss.LossSwitchHook', 'LossSwitchHook'):
        assert type(HOOKS.build(switch(type=kind))) is LossSwitchHook
    with pytest.raises(SetupError):
        LossSwitchHook(0.5, LOSSES, 'other')


def test_a_config_file_can_hold_it(tmp_path: Path) -> None:
    Config({'custom_hooks': [switch()]}).dump(tmp_path / 'config.py')
    assert Config.fromfile(tmp_path / 'config.py').custom_hooks == [switch()]
