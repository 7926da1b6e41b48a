"""A proxy training is the training that the plain config describes: the hand-made baseline must not be worse for us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmdet')

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.proxy import ProxyEvaluator
from tests.test_proxy.conftest import baseline, digest

CONFIGS = Path(__file__).parents[2] / 'configs' / 'digits'
SMALL = {'size': 64, 'train': 12, 'search_val': 4, 'val': 6, 'test': 3, 'seed': 3}
STEPS = 6


@HOOKS.register_module(force=True)
class FreshRandomHook(Hook):
    """Sets the random numbers at the first iteration: up to there a Runner and a proxy draw differently many."""

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Before the first iteration."""
        if runner.iter == 0:
            runner.set_randomness(seed=runner.seed)


class GivenWeightsHook(Hook):
    """Gives a training the initial weights of a proxy."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self.state = state

    def before_train(self, runner: Runner) -> None:
        """After the Runner's own initialisation."""
        runner.model.load_state_dict(self.state)


def shorten(cfg: Config) -> None:
    for name in ('train', 'val', 'test'):
        cfg[f'{name}_dataloader'].dataset.scenes = SMALL
    cfg.custom_hooks = [{'type': 'FreshRandomHook'}]


@pytest.mark.parametrize('seed', [0, 5])
def test_proxy_trains_as_a_plain_runner_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path))
    search = load_search_config(str(CONFIGS / 'faster_rcnn_search.py'), str(tmp_path / 'search'))
    shorten(search)
    search.train_cfg.proxy.schedule.max_iters = STEPS
    evaluator = ProxyEvaluator(spec_of(search).proxy)
    outcome = evaluator.evaluate(baseline(seed))
    proxy = digest(evaluator.runner.model)

    plain = Config.fromfile(CONFIGS / 'faster_rcnn.py')
    shorten(plain)
    plain.train_cfg.update(max_iters=STEPS, val_interval=STEPS)
    plain.randomness = {'seed': seed}
    plain.work_dir, plain.experiment_name = str(tmp_path / 'plain'), f'{tmp_path.name}_{seed}'
    plain.visualizer.update(name=plain.experiment_name)
    runner = Runner.from_cfg(plain)
    runner.register_hook(GivenWeightsHook(evaluator.runner.initial_state(seed)))
    runner.train()
    assert digest(runner.model) == proxy
    metrics = runner.val_loop.run()
    assert metrics.items() >= outcome.metrics.items()
    evaluator.close()
