"""Controllers that are trained: broken losses lose their weight, resumes change nothing, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmautoloss.__main__ import main
from mmautoloss.engine.loss_weights import MixtureHook, mixture_hook
from mmautoloss.engine.loss_weights.held_back import HeldBack
from mmautoloss.engine.loss_weights.look_ahead import controller_gradients, last_layer
from mmautoloss.engine.loss_weights.side_pass import aside
from mmautoloss.errors import SetupError
from mmautoloss.losses import LossMixture, SearchedLoss
from tests.test_engine.test_loss_weights.trainings import PICTURES, train


def mixture(*losses: str, per: str = 'branch', **controller: Any) -> dict[str, Any]:
    settings = {'losses': list(losses), 'controller': {'per': per, **controller}}
    return {'model.head.loss_cls': {'type': 'mmautoloss.LossMixture', **settings}}


def hook(**settings: Any) -> dict[str, Any]:
    return {'type': 'mmautoloss.MixtureHook', 'dataloader': PICTURES, 'outer': 'ce', 'every': 4, **settings}


def mean_weights(loss: LossMixture) -> Tensor:
    """The mean weights on logits of all kinds."""
    pred, target = torch.randn(200, 4, generator=torch.Generator().manual_seed(0)), torch.arange(200) % 4
    weights = loss.controller.eval()(pred, target)
    return weights if weights.dim() == 1 else weights.flatten(0, -2).mean(0)


@pytest.mark.parametrize('per', ['branch', 'example'])
def test_a_broken_loss_loses_its_weight(tmp_path: Path, per: str) -> None:
    """``p * y`` lowers the probability of the label; where it stands in the list does not matter."""
    for place, losses in ((1, ('ce', 'p * y')), (0, ('p * y', 'ce'))):
        runner = train(tmp_path / str(place), mixture(*losses, per=per), [hook(lr=0.1)], 40)
        assert mean_weights(runner.model.head.loss_cls)[place] < 0.3


@pytest.mark.parametrize('per', ['branch', 'example'])
def test_equal_losses_at_different_scales_have_equal_weights(tmp_path: Path, per: str) -> None:
    runner = train(tmp_path, mixture('ce', '300 * ce', '0.002 * ce', per=per), [hook(lr=0.1)], 30)
    loss = runner.model.head.loss_cls
    assert torch.allclose(mean_weights(loss), torch.full((), 1 / 3), atol=2e-3)
    assert loss.scales.factors()[1:] == pytest.approx([1 / 300, 500], rel=1e-4)


@pytest.mark.parametrize('per', ['branch', 'example'])
def test_resuming_changes_nothing(tmp_path: Path, per: str) -> None:
    """While scales are measured, and after; with noise in the weights; bit by bit."""
    options = mixture('ce', 'mse', 'p * y', per=per, gumbel=True, temperature=[1.0, 0.2])
    whole = train(tmp_path / 'whole', options, [hook()], 14, keep=1)
    for point in (3, 8):
        resumed = train(tmp_path / str(point), options, [hook()], 14, tmp_path / 'whole' / f'iter_{point}.pth', 1)
        state, other = whole.model.state_dict(), resumed.model.state_dict()
        assert all(torch.equal(state[key], other[key]) for key in state), point
    kept = torch.load(tmp_path / 'whole' / 'iter_14.pth')['mixtures']['head.loss_cls']
    again = torch.load(tmp_path / '8' / 'iter_14.pth')['mixtures']['head.loss_cls']
    assert torch.equal(kept['examples'][0], again['examples'][0])
    assert kept['optimizer']['state'][0]['step'] == 3


def test_a_training_beside_leaves_no_trace(tmp_path: Path) -> None:
    """With a rate that changes nothing, the training is that without the hook, with norms and dropout."""
    options = {**mixture('ce', 'mse'), 'model.plain': False}
    runs = [
        train(tmp_path / name, options, hooks, 12) for name, hooks in (('with', [hook(lr=1e-30)]), ('without', []))
    ]
    states = [runner.model.state_dict() for runner in runs]
    differ = [key for key in states[0] if not torch.equal(states[0][key], states[1][key])]
    assert all('controller' in key for key in differ), differ


def test_losses_are_trained_again_after_a_pass_in_evaluation() -> None:
    loss = LossMixture(['ce', 'mse'])
    model = nn.Sequential(nn.Dropout(), loss)
    with aside(model, 0):
        model.eval()
    assert model[0].training and loss.training and loss.scales.training


def test_a_data_set_that_is_held_back_leaves_no_trace() -> None:
    """The sampler of a loader draws a seed while it is built."""
    np.random.seed(5)
    wanted = np.random.randint(2**31)
    np.random.seed(5)
    HeldBack(PICTURES).build()
    assert np.random.randint(2**31) == wanted


def test_processes_without_a_call_take_part_in_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or those with one would wait forever; where no process has a call, there is no step."""
    loss = LossMixture(['ce', 'mse'], controller={'per': 'branch'})
    trained = MixtureHook(PICTURES, 'ce')
    trained._mixtures = {'loss': loss}
    trained._optimizers = {'loss': torch.optim.Adam(loss.controller.parameters(), lr=0.1)}
    trained._descend('loss', None)
    assert not loss.controller.scores.any()
    others = iter([torch.tensor(1.0), torch.tensor([0.5, -0.5])])
    monkeypatch.setattr(mixture_hook, 'all_reduce', lambda value, op='sum': value.add_(next(others)))
    trained._descend('loss', None)
    assert loss.controller.scores[0] < 0 < loss.controller.scores[1]


class Linear(nn.Module):
    """A linear model with a mixture, whose passes are functions of a batch alone."""

    def __init__(self, loss: LossMixture) -> None:
        super().__init__()
        self.layer, self.loss = nn.Linear(3, 4, bias=False).double(), loss

    def data_preprocessor(self, batch: dict[str, Tensor], training: bool) -> dict[str, Tensor]:
        return batch

    def forward(self, x: Tensor, y: Tensor, mode: str) -> Tensor:
        return self.loss(self.layer(x), y)


@pytest.mark.parametrize('per', ['branch', 'example'])
def test_the_gradient_is_that_of_a_step_of_the_last_layer(per: str) -> None:
    """By finite differences of the outer loss after the step."""
    torch.manual_seed(0)
    loss = LossMixture(['ce', 'mse', 'p * y'], controller={'per': per, 'hidden': 3}, scales=[1, 2, 3]).double()
    for parameter in loss.controller.parameters():
        nn.init.normal_(parameter)
    model, outer = Linear(loss), SearchedLoss('-y * log(p)')
    batches = [{'x': torch.randn(9, 3).double(), 'y': torch.randint(4, (9,))} for _ in range(2)]
    gradients, calls = controller_gradients(model, {'loss': loss}, {'loss': outer}, tuple(batches), 0.3)
    assert len(calls['loss']) == 1 and not any(p.requires_grad for p in loss.controller.parameters())
    weight = model.layer.weight
    parts = [
        torch.autograd.grad(part(model.layer(batches[0]['x']), batches[0]['y']), weight)[0] for part in loss.parts()
    ]
    rate = 0.3 * weight.norm() / torch.stack([part.norm() for part in parts]).mean()

    def after() -> float:
        (slope,) = torch.autograd.grad(model(**batches[0], mode='loss'), weight)
        return outer(batches[1]['x'] @ (weight - rate * slope).T, batches[1]['y']).item()

    for parameter, gradient in zip(loss.controller.parameters(), gradients['loss'], strict=True):
        for index in range(min(parameter.numel(), 4)):
            flat = parameter.data.view(-1)
            flat[index] += 1e-5
            above = after()
            flat[index] -= 2e-5
            below = after()
            flat[index] += 1e-5
            assert (above - below) / 2e-5 == pytest.approx(gradient.view(-1)[index].item(), rel=1e-4, abs=1e-9)


def test_the_last_layer_is_the_one_before_the_prediction() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 5, 1))
    pred = nn.functional.interpolate(model(torch.randn(2, 2, 4, 4)), scale_factor=2, mode='bilinear')
    assert last_layer(model, pred) == list(model[3].parameters())
    assert last_layer(model, (pred, pred)) == list(model[3].parameters())
    model[3].requires_grad_(False)
    assert last_layer(model, model(torch.randn(2, 2, 4, 4))) == list(model[1].parameters())
    with pytest.raises(SetupError, match='depends on trained weights'):
        last_layer(model, torch.ones(2, 2))


def test_random_numbers_beside_are_those_of_the_seed() -> None:
    model, drawn = nn.BatchNorm1d(3), []
    for _ in range(2):
        torch.manual_seed(0)
        with aside(model, 3):
            model(torch.randn(4, 3))
            drawn.append(torch.rand(1))
        assert model.num_batches_tracked == 0
        drawn.append(torch.rand(1))
    assert drawn[0] == drawn[2] != drawn[1] == drawn[3]


def test_batches_are_functions_of_their_number() -> None:
    held_back = HeldBack(PICTURES, seed=2)
    held_back.build()
    first, second = held_back.batch(0)['x'], held_back.batch(1)['x']
    assert len(first) == 8 and not torch.equal(first, second)
    again = HeldBack(PICTURES, seed=2)
    again.build()
    assert torch.equal(again.batch(1)['x'], second)
    assert len(HeldBack({**PICTURES, 'batch_size': 100}).config) == 3


def lists(train: dict[str, Any], val: dict[str, Any]) -> Config:
    folder = {'type': 'CustomDataset', 'data_root': 'data'}
    return Config(
        {f'{name}_dataloader': {'dataset': {**folder, **own}} for name, own in (('train', train), ('val', val))}
    )


def test_pictures_must_be_apart() -> None:
    def own(**choice: Any) -> HeldBack:
        return HeldBack({'batch_size': 4, 'dataset': {'type': 'CustomDataset', 'data_root': 'data', **choice}})

    cfg = lists({'ann_file': 'train.txt', 'indices': 90}, {'ann_file': 'val.txt'})
    own(ann_file='train.txt', indices=-10).require_apart(cfg)
    own(ann_file='other.txt').require_apart(cfg)
    with pytest.raises(SetupError, match='those of val_dataloader as well'):
        own(ann_file='val.txt', indices=5).require_apart(cfg)
    with pytest.raises(SetupError, match='those of train_dataloader as well'):
        own(ann_file='train.txt', indices=5).require_apart(cfg)


ERRORS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    'no mixture': ({}, {}, 'MixtureHook finds no mixture with a controller'),
    'every': (mixture('ce', 'mse'), {'every': 0}, 'every must be at least 1'),
    'rate': (mixture('ce', 'mse'), {'lr': 0}, 'lr must be positive'),
    'outer of another kind': (mixture('ce', 'mse'), {'outer': 'giou'}, 'giou'),
    'a number as outer': (mixture('ce', 'mse'), {'outer': 3}, "outer must be a loss such as 'ce'"),
    'no outer': (mixture('ce', 'mse'), {'outer': {'head.x': 'ce'}}, "a loss for the mixture at 'head.loss_cls'"),
    'no pictures': (mixture('ce', 'mse'), {'dataloader': {'batch_size': 8}}, 'dataloader must be a dict with dataset'),
    'empty': (
        mixture('ce', 'mse'),
        {'dataloader': {**PICTURES, 'dataset': {'type': 'ToyScenes', 'length': 0}}},
        'has no pictures',
    ),
    'sampler': (mixture('ce', 'mse'), {'dataloader': {**PICTURES, 'sampler': {}}}, 'dataloader must be a dict with'),
}


@pytest.mark.parametrize(('options', 'settings', 'error'), ERRORS.values(), ids=ERRORS)
def test_refused(tmp_path: Path, options: dict[str, Any], settings: dict[str, Any], error: str) -> None:
    with pytest.raises(SetupError, match=error):
        train(tmp_path, {**options, 'model.faults': {'fail_at': 0}}, [hook(**settings)], 2)


@pytest.mark.parametrize('per', ['branch', 'example'])
def test_the_command_shows_weights_and_an_expression(tmp_path: Path, per: str, capsys: pytest.CaptureFixture) -> None:
    runner = train(tmp_path, mixture('ce', 'mse', 'p * y', per=per), [hook()], 13, keep=13)
    assert main(['mixture', str(tmp_path / 'iter_13.pth')]) == 0
    printed = capsys.readouterr().out
    assert f'head.loss_cls (inputs softmax), weights of each {per}:' in printed
    assert ('p of the label from' in printed) == (per == 'example')
    (line,) = (line for line in printed.splitlines() if "type='mmautoloss.SearchedLoss'" in line)
    text = line.partition("expression='")[2].partition("'")[0]
    loss, pred = runner.model.head.loss_cls.eval(), torch.randn(40, 4, requires_grad=True)
    target = torch.randint(4, (40,))
    slopes = [torch.autograd.grad(each(pred, target), pred)[0] for each in (loss, SearchedLoss(text))]
    assert (slopes[0] - slopes[1]).norm() < (1e-5 if per == 'branch' else 0.15) * slopes[0].norm()


def test_the_command_keeps_settings(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Those, too, that are 0 or False."""
    options = mixture('ce', 'mse')
    settings = {'ignore_index': 0, 'use_target_weight': False, 'loss_name': 'loss_x', 'loss_weight': 0.5}
    options['model.head.loss_cls'] |= settings
    train(tmp_path, options, [hook()], 2, keep=2)
    assert main(['mixture', str(tmp_path / 'iter_2.pth')]) == 0
    printed = capsys.readouterr().out
    assert all(f', {key}={value!r}' in printed for key, value in settings.items()), printed
    assert 'use_sigmoid' not in printed and 'reduction' not in printed


def test_the_command_says_what_a_checkpoint_lacks(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    train(tmp_path, mixture('ce', 'mse', per='example'), [hook()], 2, keep=2)
    assert main(['mixture', str(tmp_path / 'iter_2.pth')]) == 0
    assert 'take a later one' in capsys.readouterr().out
    torch.save({'state_dict': {}}, tmp_path / 'plain.pth')
    torch.save({'x': Path()}, tmp_path / 'code.pth')
    for name, error in (('plain', 'has no mixture'), ('code', 'without running code'), ('none', 'cannot be read')):
        assert main(['mixture', str(tmp_path / f'{name}.pth')]) == 2
        assert error in capsys.readouterr().err
