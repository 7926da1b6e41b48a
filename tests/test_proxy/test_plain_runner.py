"""A proxy training is the training that the plain config describes: the hand-made baseline must not be worse for us."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip('mmdet')

from mmengine.config import Config
from mmengine.runner import Runner

from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.proxy import ProxyEvaluator
from mmautoloss.testing.plain_training import GivenWeightsHook
from mmautoloss.trial import Role
from tests.isolation import ROOT
from tests.test_proxy.conftest import baseline, digest

CONFIGS = ROOT / 'configs' / 'digits'
SMALL = {'size': 64, 'train': 12, 'search_val': 4, 'val': 6, 'test': 3, 'seed': 3}
STEPS = 6


def shorten(cfg: Config) -> None:
    for name in ('train', 'val', 'test'):
        cfg[f'{name}_dataloader'].dataset.scenes = SMALL
    cfg.custom_hooks = [{'type': 'FreshRandomHook'}]


def warm_up(end: int) -> dict:
    return {'type': 'LinearLR', 'start_factor': 0.1, 'by_epoch': False, 'begin': 0, 'end': end}


@pytest.mark.slow
@pytest.mark.parametrize('times', [1, 2.5])
def test_proxy_with_a_rung_trains_as_a_plain_runner_does(
    times: float, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a rung leaves no trace in a detector either; ``test_state_of_the_zoo.py`` has seed 0 without a rung.

    A longer training has none, and follows a candidate with it.
    """
    seed, steps = 5, round(times * STEPS)
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path_factory.getbasetemp() / 'scenes'))
    search = load_search_config(str(CONFIGS / 'faster_rcnn_short_search.py'), str(tmp_path / 'search'))
    shorten(search)
    search.train_cfg.proxy.schedule.max_iters = STEPS
    search.param_scheduler = [warm_up(2)]
    evaluator = ProxyEvaluator(replace(spec_of(search).proxy, rung=0.5))
    outcome = evaluator.evaluate(baseline(seed))
    assert 'rung' in outcome.stages
    if times != 1:
        outcome = evaluator.evaluate(replace(baseline(seed), role=Role.LONGER, times=times))
        assert 'rung' not in outcome.stages
    proxy = digest(evaluator.runner.model)

    plain = Config.fromfile(CONFIGS / 'faster_rcnn.py')
    shorten(plain)
    plain.train_cfg.update(max_iters=steps, val_interval=steps)
    plain.param_scheduler = [warm_up(round(times * 2))]
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
