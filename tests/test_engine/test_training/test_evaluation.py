"""``mmautoloss.evaluate``: what it trains, what it says, what it leaves behind."""

from __future__ import annotations

import copy
import gc
import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import HOOKS, DefaultScope
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

import mmautoloss
from mmautoloss import evaluate
from mmautoloss.__main__ import main
from mmautoloss.branches import Branch
from mmautoloss.engine import load_base, spec_of, with_losses
from mmautoloss.engine.screens import Screens
from mmautoloss.errors import SetupError, TrainingError
from mmautoloss.expr import Genome, parse
from mmautoloss.found import NamedLoss, write_losses
from mmautoloss.proxy import ProxyEvaluator, ProxySettings
from mmautoloss.report import ConsoleObserver
from mmautoloss.screen import ProbeScreen
from mmautoloss.testing.plain_training import GivenWeightsHook
from mmautoloss.testing.toy import ToyScenes
from mmautoloss.testing.toy_searches import BASE, changed, toy_config, write_toy
from mmautoloss.trial import History, Role, Trial
from tests.isolation import ROOT, one_thread  # noqa: F401

SQUARE, BRIER = '(p - y) ** 2', 'mean_c((p - y) ** 2)'


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """The plain config of the toy; a Runner and ours begin its training with the same random numbers."""
    write_toy(tmp_path, base={'custom_hooks': [{'type': 'FreshRandomHook'}]})
    return tmp_path / 'toy.py'


def faulty(folder: Path, **base: Any) -> Path:
    write_toy(folder, base={name.replace('__', '.'): value for name, value in base.items()})
    return folder / 'toy.py'


def initial_state(config: Path, seed: int, folder: Path) -> dict[str, torch.Tensor]:
    cfg = Config.fromfile(config)
    settings = ProxySettings(cfg.to_dict(), (), cfg.train_cfg, '', True, None, str(folder / 'initial'))
    evaluator = ProxyEvaluator(settings)
    try:
        return evaluator.runner.initial_state(seed)
    finally:
        evaluator.close()


@pytest.mark.parametrize('seed', [0, 5])
@pytest.mark.parametrize('losses', [None, {'head_cls': SQUARE}], ids=['hand-made', 'searched'])
def test_trains_as_a_plain_runner_does(toy: Path, tmp_path: Path, losses: dict | None, seed: int) -> None:
    plain = load_base(str(toy), {})
    if losses:
        branches = (Branch('head_cls', 'head.loss_cls', 'softmax'),)
        with_losses(plain, branches, Genome.from_text(losses), {'head_cls': 1.0})
    plain.randomness = {'seed': seed}
    plain.work_dir, plain.experiment_name = str(tmp_path / 'plain'), f'{tmp_path.name}_{seed}'
    runner = Runner.from_cfg(plain)
    runner.register_hook(GivenWeightsHook(initial_state(toy, seed, tmp_path)))
    runner.train()
    expected = runner.val_loop.run()
    result = evaluate(toy, losses, seed)
    assert result.metrics == pytest.approx(expected, abs=0)
    assert result.score == expected['toy/score'] and result.metric == 'toy/score'


def test_data_sets_that_are_objects() -> None:
    """As MMEngine's docs give them to a Runner."""
    settings = BASE['train_dataloader']['dataset']
    data = ToyScenes(settings['length'], settings['seed'])
    given = changed(BASE, {'train_dataloader.dataset': data})
    assert evaluate(given).metrics == evaluate(BASE).metrics


def left_behind() -> list[Any]:
    gc.collect()
    managers = (MMLogger, MessageHub, Visualizer, DefaultScope)
    names = [list(manager._instance_dict) for manager in managers]
    generators = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    switches = (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark)
    files = Path('/proc/self/fd')
    return [names, generators, switches, len(list(files.iterdir())) if files.exists() else 0]


def test_calls_do_not_know_of_each_other(toy: Path) -> None:
    DefaultScope.get_instance('around', scope_name='mmengine')
    first = evaluate(toy, {'head_cls': SQUARE}, 3)
    before = left_behind()
    others = [evaluate(toy, None, 3), evaluate(toy, {'head_cls': SQUARE}, 4)]
    again = evaluate(toy, {'head_cls': SQUARE}, 3)
    assert again.metrics == first.metrics and again.losses == first.losses
    assert all(other.metrics != first.metrics for other in others)
    assert left_behind() == before
    assert DefaultScope.get_current_instance().scope_name == 'mmengine'


def test_threads_take_turns(toy: Path) -> None:
    """Python and torch have one stdout and one set of generators a process."""
    alone, out = [evaluate(toy, SQUARE, seed=seed).score for seed in range(3)], sys.stdout
    loggers = list(MMLogger._instance_dict)
    with ThreadPoolExecutor(3) as pool:
        at_once = list(pool.map(lambda seed: evaluate(toy, SQUARE, seed=seed).score, range(3)))
    assert at_once == alone
    assert sys.stdout is out and list(MMLogger._instance_dict) == loggers


def test_a_training_may_ask_for_another(tmp_path: Path) -> None:
    """In its own thread that is no waiting, which would never end."""

    class Asking(Hook):
        scores: ClassVar[list[float]] = []

        def after_train(self, runner: Runner) -> None:
            if not self.scores:
                self.scores.append(0.0)
                self.scores[0] = evaluate(tmp_path / 'toy.py', SQUARE, seed=1).score

    HOOKS.register_module(module=Asking, force=True)
    write_toy(tmp_path)
    plain, seed_1 = evaluate(tmp_path / 'toy.py', SQUARE).score, evaluate(tmp_path / 'toy.py', SQUARE, seed=1).score
    asking = evaluate(tmp_path / 'toy.py', SQUARE, options={'custom_hooks': [{'type': 'Asking'}]})
    assert (asking.score, Asking.scores) == (plain, [seed_1])


def test_deterministic_switches_are_put_back(tmp_path: Path) -> None:
    config = faulty(tmp_path, randomness={'seed': 0, 'deterministic': True})
    before = left_behind()[2]
    assert evaluate(config).ok
    assert left_behind()[2] == before == (False, False)


@pytest.mark.parametrize(
    ('losses', 'trained'),
    [
        (None, ('ToyCrossEntropy', 'ToyL1')),
        ({'head_cls': 'ce', 'head_box': None}, ('-y * log(p)', 'ToyL1')),
        ({'head.loss_box': 'mse'}, ('ToyCrossEntropy', '(p - y) ** 2')),
        (SQUARE, (SQUARE, SQUARE)),
        ({}, ('ToyCrossEntropy', 'ToyL1')),
    ],
    ids=['none', 'name', 'path', 'text', 'empty'],
)
def test_losses_are_those_that_were_given(toy: Path, losses: Any, trained: tuple[str, str]) -> None:
    result = evaluate(toy, losses)
    assert result.ok and result.reason == ''
    assert tuple(result.losses.values()) == trained and list(result.losses) == ['head_cls', 'head_box']
    weights = {'head_cls': 1.0, 'head_box': 0.5}  # those of the losses that they replace
    replaced = [name for name, loss in result.losses.items() if not loss.startswith('Toy')]
    assert result.weights == {name: weights[name] for name in replaced}


def test_losses_of_a_search_are_read(toy: Path, tmp_path: Path) -> None:
    path = tmp_path / 'best_losses.json'
    write_losses(path, [NamedLoss('cls', 'head.loss_cls', 'softmax', SQUARE, 0.25)])
    for source in (path, str(path)):
        result = evaluate(toy, source)
        assert (result.losses['head_cls'], result.weights) == (SQUARE, {'head_cls': 0.25})
        assert result.left_out == ()


def test_found_losses_without_a_place_are_named(toy: Path, tmp_path: Path, capsys) -> None:
    path = tmp_path / 'best_losses.json'
    elsewhere = NamedLoss('mask', 'roi_head.mask_head.loss_mask', 'mask', '-y * log(p)', 1.0)
    write_losses(path, [NamedLoss('cls', 'head.loss_cls', 'softmax', SQUARE, 0.25), elsewhere])
    assert evaluate(toy, path).left_out == ('mask',)
    assert main(['evaluate', str(toy), str(path)]) == 0
    assert 'mask: has no place in this model' in capsys.readouterr().out


def test_search_config_is_one_training_of_a_candidate(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path, {'metric': 'toy/error', 'rule': 'less'})
    genome = Genome.from_text({'cls': SQUARE, 'box': 'abs(p - y)'})
    evaluator = ProxyEvaluator(spec_of(copy.deepcopy(cfg)).proxy)
    outcome = evaluator.evaluate(Trial(0, Role.SEARCH, 2, genome, {'cls': 1.0, 'box': 0.5}))
    evaluator.close()
    text = cfg.pretty_text
    result = evaluate(cfg, genome.to_text(), 2)
    assert (result.score, result.metrics, result.metric) == (outcome.score, outcome.metrics, 'toy/error')
    assert cfg.pretty_text == text, 'the config of the caller stays as it was'
    assert result.score == -result.metrics['toy/error']


def test_weights_given_and_balanced(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path, {'screen.samples': 5})
    losses = {'cls': BRIER, 'box': SQUARE}
    balanced = evaluate(cfg, losses, weights={'head.loss_box': 0.125}, balance='gradient')
    assert balanced.weights['box'] == 0.125
    cfg.train_cfg.screen.engine = 'plain'
    spec = spec_of(cfg)
    evaluator = ProxyEvaluator(spec.proxy)
    spec.work_dir.mkdir()
    screens = Screens(spec, evaluator, History(), ConsoleObserver(spec.branches, 'score')).build()
    evaluator.close()
    assert isinstance(screens['cls'], ProbeScreen)
    expected = screens['cls'].judge(parse(BRIER)).weight
    assert balanced.weights['cls'] == pytest.approx(expected, rel=1e-5) and expected != 1
    assert balanced.metrics != evaluate(cfg, losses, weights={'box': 0.125}).metrics


def test_loss_whose_gradient_is_not_finite_cannot_be_balanced(toy: Path) -> None:
    with pytest.raises(SetupError, match=r"loss of 'head_cls' is not finite on the probe.*Give its weight"):
        evaluate(toy, {'head_cls': 'y * exp(exp(exp(9 * p)))'}, balance='gradient')


def test_schedule_and_options_reach_the_training(toy: Path) -> None:
    results = {
        evaluate(toy).score,
        evaluate(toy, schedule={'max_iters': 5}).score,
        evaluate(toy, options={'optim_wrapper.optimizer.lr': 0.01}).score,
        evaluate(toy, schedule={'max_epochs': 1}, options={'train_dataloader.sampler.type': 'DefaultSampler'}).score,
    }
    assert len(results) == 4


@pytest.mark.parametrize(
    ('fault', 'call', 'reason'),
    [
        pytest.param({'model__faults': {'nan_at': 3}}, {}, 'not finite: ', id='NaN'),
        pytest.param({'model__faults': {'fail_at': 2}}, {}, 'the toy fails in iteration 2', id='exception'),
        pytest.param({'val_evaluator__fault': 'silent'}, {}, 'The validation gave no', id='no score'),
        pytest.param({}, {'timeout': 0.0}, 'time limit: ', id='time'),
    ],
)
def test_training_that_fails_is_a_result_with_its_reason(tmp_path: Path, fault: dict, call: dict, reason: str) -> None:
    config = faulty(tmp_path, **fault)
    result = evaluate(config, {'head_cls': 'ce'}, **call)
    assert (result.state, result.ok, result.score) == ('failed', False, None)
    assert reason in result.reason
    assert result.losses == {'head_cls': '-y * log(p)', 'head_box': 'ToyL1'}
    with pytest.raises(TrainingError, match=reason):
        evaluate(config, {'head_cls': 'ce'}, raise_on_failure=True, **call)


@pytest.mark.parametrize(
    ('call', 'text'),
    [
        pytest.param({'cfg': '/no/such.py'}, 'There is no config /no/such.py', id='file'),
        pytest.param({'cfg': {'model': {}}}, 'cannot be evaluated: it needs train_dataloader', id='dict'),
        pytest.param({'losses': {'cls': 'ce'}}, "no loss 'cls' to replace; there are head_cls, head_box", id='name'),
        pytest.param({'losses': {'head_cls': 'giou'}}, 'giou', id='inputs'),
        pytest.param({'losses': 'p +'}, 'head_cls', id='syntax'),
        pytest.param({'losses': Path('/no/best.json')}, 'there is no /no/best.json', id='losses file'),
        pytest.param({'weights': {'head_cls': 2.0}}, 'weights are for losses that are replaced', id='weights'),
        pytest.param({'weights': {'x': 2.0}}, "There is no loss 'x'", id='unknown weight'),
        pytest.param({'metric': 'toy/scoer'}, "'toy/scoer' is not among .*: toy/error, toy/score", id='metric'),
        pytest.param({'rule': 'more'}, 'rule must be one of greater, less', id='rule'),
        pytest.param({'balance': 'yes'}, 'balance must be one of gradient, none', id='balance'),
        pytest.param({'schedule': {'iters': 5}}, 'schedule needs max_iters or max_epochs', id='schedule'),
        pytest.param({'schedule': {'max_epochs': 1}}, 'InfiniteSampler', id='endless epoch'),
        pytest.param({'cfg': 3}, 'cfg must be a path, a Config or a dict, but got 3', id='no config'),
        pytest.param({'losses': 5}, 'losses must be a dict', id='no losses'),
        pytest.param(
            {'losses': {'head_cls': 'ce', 'head.loss_cls': 'dice'}},
            "losses must name a loss once, but 'head_cls' and 'head.loss_cls' are the same",
            id='place twice',
        ),
        pytest.param(
            {'losses': 'p', 'weights': {'head_cls': 1, 'head.loss_cls': 2}}, 'weights must name', id='weight twice'
        ),
        pytest.param({'losses': {'head_cls': 'ce'}, 'weights': {'head_cls': 'a'}}, "number, but got 'a'", id='text'),
        pytest.param({'seed': -1}, 'seed must be an integer from 0 .*, but got -1', id='seed'),
        pytest.param({'schedule': 5}, 'schedule must be a dict, but got 5', id='no schedule'),
        pytest.param({'schedule': {'max_iters': 0}}, 'max_iters must be .* at least 1, but got 0', id='no training'),
        pytest.param({'schedule': {'max_epochs': -2}}, 'max_epochs must be .*, but got -2', id='no epoch'),
        pytest.param({'options': {'model.type.x': 1}}, 'model.type.x: no such place', id='options'),
        pytest.param({'options': {'model': None}}, 'has no model', id='no model'),
        pytest.param({'options': {'model.type': 'Nothing'}}, 'cannot be built: .*Nothing', id='model'),
        pytest.param({'options': {'train_dataloader.dataset.type': 'No'}}, 'cannot be built: .*No', id='data'),
    ],
)
def test_what_cannot_work_is_said_before_any_training(
    toy: Path, call: dict, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProxyEvaluator, 'evaluate', lambda *args: pytest.fail('a training began'))
    before = left_behind()[0]
    with pytest.raises(SetupError, match=text):
        evaluate(**{'cfg': toy, **call})
    assert left_behind()[0] == before


def test_package_is_light_until_it_is_used() -> None:
    code = (
        'import sys, mmautoloss\n'
        "print('torch' in sys.modules or 'mmengine' in sys.modules)\n"
        'print(mmautoloss.evaluate.__name__, mmautoloss.Result.__name__)'
    )
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ['False', 'evaluate', 'Result'], done.stderr
    assert {'Result', '__version__', 'evaluate'} <= set(mmautoloss.__all__)
    with pytest.raises(AttributeError, match='no attribute'):
        _ = mmautoloss.evalute


def test_command_prints_what_the_function_returns(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(toy), f'head_cls={SQUARE}', '--weights', 'head_cls=2', '--seed', '1', '--max-iters', '5']
    assert main(['evaluate', *words, '--json']) == 0
    told = json.loads(capsys.readouterr().out)
    result = evaluate(toy, {'head_cls': SQUARE}, 1, weights={'head_cls': 2.0}, schedule={'max_iters': 5})
    assert {**told, 'seconds': 0.0} == {**result.to_json(), 'seconds': 0.0}
    words[1] = 'head_cls=0.25 * mse + 0.75 * mse'
    assert main(['evaluate', *words, '--metric', 'toy/error', '--rule', 'less']) == 0
    assert f'score {-result.metrics["toy/error"]:.4f} (toy/error)' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('words', 'text'),
    [
        (['head_cls=ce', '--weights', 'head_cls=abc'], "weight of 'head_cls' must be a number, but got 'abc'"),
        (['head_cls=ce', 'head_cls=dice'], "LOSSES: 'head_cls' can stand once only, but got 'ce' and 'dice'"),
        (['head_cls=ce + msee'], "Unknown input 'msee'"),
        (['ce + l1'], "but got 'l1', which is for delta, heatmap"),
        (['--cfg-options', 'foo'], '--cfg-options must be NAME=VALUE'),
        (['--seed', '-1'], 'seed must be an integer'),
        (['--max-iters', '0'], 'max_iters must be an integer of at least 1'),
    ],
)
def test_command_refuses_what_cannot_work(
    toy: Path, words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['evaluate', str(toy), *words]) == 2
    assert text in capsys.readouterr().err


def test_command_says_what_went_wrong(toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['evaluate', str(toy), 'head_cls=ce', 'ce']) == 2
    assert 'LOSSES must be NAME=VALUE' in capsys.readouterr().err
    assert main(['evaluate', str(faulty(tmp_path / 'faulty', model__faults={'nan_at': 2}))]) == 1
    assert 'failed: not finite' in capsys.readouterr().out
