"""What a training leaves in Python: put back, or noticed by the proof at the start and named."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DATASETS, HOOKS, METRICS, MODELS
from mmengine.runner import Runner
from torch import nn

from mmautoloss.engine import compare, spec_of
from mmautoloss.execute import LocalExecutor
from mmautoloss.proxy import ProxyEvaluator
from mmautoloss.report import ResultRow
from mmautoloss.testing.toy import ToyDetector, ToyMetric, ToyScenes
from mmautoloss.testing.toy_searches import run_toy, toy_config
from mmautoloss.trial import Outcome, State, read_journal
from tests.test_proxy.conftest import SINK, baseline, digest, searched, toy_settings

Make = Callable[..., ProxyEvaluator]
TABLE = {'calls': 0}


def remembered() -> Callable[[], int]:
    calls = 0

    def count() -> int:
        nonlocal calls
        calls += 1
        return calls

    return count


class Counter:
    """Counts in some of many ways; the losses of a training are made to hang on each of them."""

    shared = 0

    def __init__(self, ways: Sequence[str]) -> None:
        self.ways = ways
        self.calls, self.seen, self.array = 0, [], np.zeros(1)
        self.buffer, self.remembered, self.table = torch.zeros(1), remembered(), TABLE
        self.chance, self.counter = torch.Generator().manual_seed(0), itertools.count(1)

    def __call__(self) -> float:
        return sum(getattr(self, f'by_{way}')() for way in self.ways) / len(self.ways)

    def by_attribute(self) -> float:
        self.calls += 1
        return self.calls

    def by_list(self) -> float:
        self.seen.append(0)
        return len(self.seen)

    def by_array(self) -> float:
        self.array += 1
        return float(self.array[0])

    def by_tensor(self) -> float:
        self.buffer += 1
        return float(self.buffer)

    def by_closure(self) -> float:
        return self.remembered()

    def by_table(self) -> float:
        self.table['calls'] += 1
        return self.table['calls']

    def by_chance(self) -> float:
        return 8 * float(torch.rand((), generator=self.chance))

    def by_counter(self) -> float:
        return next(self.counter)

    def by_class(self) -> float:
        type(self).shared += 1
        return type(self).shared


RESTORED = ('attribute', 'list', 'array', 'tensor', 'closure', 'table', 'chance')
"""All are tried at once: if one of them is not restored, the losses differ and the proof names it."""


@MODELS.register_module(force=True)
class CountingDetector(ToyDetector):
    """Its losses grow with the iterations."""

    def __init__(self, ways: Sequence[str], kind: str = '', **settings: Any) -> None:
        super().__init__(**settings)
        self.count = Counter(ways)
        if kind == 'weight norm':
            self.hidden = nn.utils.weight_norm(self.hidden)
        elif kind == 'own forward':
            plain, head = self.head.forward, self.head
            self.head.forward = lambda features: plain(features * head.cls.weight.mean().detach().tanh())
        elif kind == 'hook of a weight':
            self.hidden.weight.register_hook(lambda gradient: gradient / 2)

    def forward(self, *args: Any, mode: str = 'tensor', **kwargs: Any) -> Any:
        found = super().forward(*args, mode=mode, **kwargs)
        if mode == 'loss':
            factor = 1 + self.count() / 8
            found = {name: factor * value for name, value in found.items()}
        return found


@DATASETS.register_module(force=True)
class CountingScenes(ToyScenes):
    """Its vectors grow with the samples that were read."""

    def __init__(self, ways: Sequence[str], **settings: Any) -> None:
        super().__init__(**settings)
        self.count = Counter(ways)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        found = super().__getitem__(index)
        return {**found, 'x': found['x'] * (1 + self.count() / 80)}


@DATASETS.register_module(force=True)
class DrawnScenes(ToyScenes):
    """Draws noise when it is built, and a layer with which no training may meddle for long."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.x = self.x + torch.randn(self.x.shape) / 4 + float(np.random.rand())
        self.layer = nn.Linear(8, 8)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        found = super().__getitem__(index)
        with torch.no_grad():
            self.layer.weight.mul_(1.01)
            return {**found, 'x': found['x'] + self.layer(found['x'])}


@METRICS.register_module(force=True)
class CountingMetric(ToyMetric):
    """Adds the validations so far to its score."""

    def __init__(self, ways: Sequence[str]) -> None:
        super().__init__()
        self.count = Counter(ways)

    def compute_metrics(self, results: list) -> dict[str, float]:
        found = super().compute_metrics(results)
        return {**found, 'score': found['score'] + self.count()}


@HOOKS.register_module(force=True)
class MeddlingHook(Hook):
    """Keeps state in the Runner and its config, and freezes a layer by it."""

    def before_train(self, runner: Runner) -> None:
        runner.trainings = getattr(runner, 'trainings', 0) + 1
        runner.cfg.trainings = runner.cfg.get('trainings', 0) + 1
        if runner.trainings + runner.cfg.trainings > 2:
            runner.model.hidden.requires_grad_(False)


class CountingHook(Hook):
    """Trains the first time, and never again."""

    trained = False

    def before_train(self, runner: Runner) -> None:
        runner.model.hidden.requires_grad_(not self.trained)
        self.trained = True


@MODELS.register_module(force=True)
class ListeningDetector(ToyDetector):
    """Reads the iteration from the message hub that it was built with, as MMEngine's docs do; keeps its logger, too."""

    heard: list[int] = []

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.hub, self.log = MessageHub.get_current_instance(), MMLogger.get_current_instance()

    def forward(self, *args: Any, mode: str = 'tensor', **kwargs: Any) -> Any:
        found = super().forward(*args, mode=mode, **kwargs)
        if mode == 'loss':
            self.heard.append(self.hub.get_info('iter'))
            self.hub.update_info('of this training', self.hub.get_info('of this training', 0) + 1)
        return found


def measured(evaluator: ProxyEvaluator, seed: int = 0) -> tuple[dict[str, float], str]:
    outcome = evaluator.evaluate(baseline(seed))
    assert (outcome.state, outcome.leak) == (State.COMPLETE, ''), outcome
    return dict(outcome.metrics), digest(evaluator.runner.model)


def assert_no_trace(make_evaluator: Make, changes: dict[str, Any]) -> None:
    TABLE['calls'] = 0  # no matter which test was before
    evaluator = make_evaluator(changes)
    evaluator.validate_untrained()
    first = measured(evaluator)
    assert evaluator.evaluate(searched(SINK)).state is State.COMPLETE
    assert measured(evaluator, seed=1) != first
    assert measured(evaluator) == first
    TABLE['calls'] = 0  # as in another process
    assert measured(make_evaluator(changes)) == first


def test_of_models(make_evaluator: Make) -> None:
    """Copies of a model have counters of their own, too."""
    assert_no_trace(make_evaluator, {'model.type': 'CountingDetector', 'model.ways': [*RESTORED, 'counter']})


@pytest.mark.parametrize('kind', ['weight norm', 'own forward', 'hook of a weight'])
def test_of_models_that_cannot_be_copied(make_evaluator: Make, kind: str) -> None:
    changes = {'model.type': 'CountingDetector', 'model.ways': ['attribute'], 'model.kind': kind}
    assert_no_trace(make_evaluator, changes)


def test_of_data_sets(make_evaluator: Make) -> None:
    scenes = {'type': 'CountingScenes', 'ways': list(RESTORED)}
    changes = {f'{part}_dataloader.dataset.{key}': scenes[key] for part in ('train', 'val') for key in scenes}
    assert_no_trace(make_evaluator, changes)


def test_what_is_drawn_while_data_sets_are_built_is_the_same_in_each_runner(make_evaluator: Make) -> None:
    changes = {'train_dataloader.dataset.type': 'DrawnScenes'}
    evaluator, other = make_evaluator(changes), make_evaluator(changes)
    first, _, again = outcomes(evaluator, [0, 1, 0])
    assert 'train_dataset.layer' in first.leak and 'each trial has a Runner of its own' in first.leak
    assert again.score == first.score == outcomes(other, [0])[0].score


def test_of_metrics(make_evaluator: Make) -> None:
    assert_no_trace(make_evaluator, {'val_evaluator.type': 'CountingMetric', 'val_evaluator.ways': list(RESTORED)})


def test_message_hub_of_models_is_that_of_the_training(make_evaluator: Make) -> None:
    evaluator = make_evaluator({'model.type': 'ListeningDetector'})
    evaluator.runner.initial_model(0)  # whose copies are trained
    for seed in (0, 1, 0):
        ListeningDetector.heard.clear()
        measured(evaluator, seed)
        assert ListeningDetector.heard[:8] == list(range(8))
        assert evaluator.runner.message_hub.get_info('of this training') in (8, 16)  # with the proof


def test_of_hooks(make_evaluator: Make) -> None:
    assert_no_trace(make_evaluator, {'custom_hooks': [{'type': 'MeddlingHook'}]})


def test_of_a_hook_that_is_an_object(make_evaluator: Make) -> None:
    evaluator = make_evaluator()
    evaluator.settings.config['custom_hooks'] = [CountingHook()]
    assert measured(evaluator) == measured(evaluator)


def outcomes(evaluator: ProxyEvaluator, seeds: list[int]) -> list[Outcome]:
    found = [evaluator.evaluate(baseline(seed)) for seed in seeds]
    assert [outcome.state for outcome in found] == [State.COMPLETE] * len(seeds)
    return found


def test_what_cannot_be_put_back_is_named_and_each_trial_has_a_runner(make_evaluator: Make) -> None:
    """A C object without ``vars`` and without a state that can be set."""
    changes = {'train_dataloader.dataset.type': 'CountingScenes', 'train_dataloader.dataset.ways': ['counter']}
    evaluator = make_evaluator(changes)
    first, other, again = outcomes(evaluator, [0, 1, 0])
    assert 'train_dataset.count.counter: count(1), then count(' in first.leak
    assert 'each trial has a Runner of its own from now on' in first.leak
    assert again.score == first.score != other.score and 'build' in again.stages
    assert other.leak == again.leak == '' and not evaluator.spent


def test_what_is_kept_in_a_class_is_noticed_by_its_weights(make_evaluator: Make) -> None:
    evaluator = make_evaluator({'model.type': 'CountingDetector', 'model.ways': ['class']})
    first, again = outcomes(evaluator, [0, 0])
    assert 'the weights after the first iterations: other ones, and so it was in a Runner of its own' in first.leak
    assert '--isolate' in first.leak and again.leak == '' and evaluator.spent
    assert first.score != again.score, 'which nobody can mend in this process'


def test_search_says_it_once_and_its_journal_holds_it(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """What is run before the first training, to capture the probes, is not counted for left over."""
    changes = {'train_dataloader.dataset.type': 'CountingScenes', 'train_dataloader.dataset.ways': ['counter']}
    cfg = toy_config(tmp_path, {'budget.max_trials': 1, 'budget.finalists': 0}, changes)
    run_toy(cfg)
    said = capsys.readouterr().out
    assert said.count('each trial has a Runner of its own from now on') == 1
    history = read_journal(Path(cfg.work_dir) / 'journal.jsonl').history
    assert [trial.number for trial in history if trial.outcome.leak] == [0]
    alone = ProxyEvaluator(toy_settings(tmp_path, changes))
    assert alone.evaluate(baseline(history[0].seed)).score == history[0].score


def test_comparison_goes_the_same_way(tmp_path: Path) -> None:
    changes = {'model.type': 'CountingDetector', 'model.ways': ['attribute']}

    def rows(name: str, seeds: list[int]) -> list[ResultRow]:
        results = {'results': str(tmp_path / f'{name}.csv')}
        return compare(spec_of(toy_config(tmp_path / name, results, changes)), [], [], seeds, split='val')

    together, alone = rows('together', [0, 1]), rows('alone', [1])
    assert together[1].value == alone[0].value != together[0].value


OWN_MODULE = """
from mmengine.registry import MODELS
from mmautoloss.report import ResultRow
from mmautoloss.testing.toy import ToyDetector

@MODELS.register_module()
class Ageing(ToyDetector):
    age = 0

    def forward(self, *args, mode='tensor', **kwargs):
        found = super().forward(*args, mode=mode, **kwargs)
        Ageing.age += mode == 'loss'
        return {name: value * (1 + Ageing.age / 8) for name, value in found.items()} if mode == 'loss' else found
"""


@pytest.mark.usefixtures('forked_workers')
def test_each_trial_of_a_worker_has_a_process_where_that_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'ageing.py').write_text(OWN_MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))  # that is what a process that is spawned begins with
    imports = {'imports': ['mmautoloss.testing.toy', 'ageing'], 'allow_failed_imports': False}
    executor = LocalExecutor(toy_settings(tmp_path, {'model.type': 'Ageing', 'custom_imports': imports}), 1)
    try:
        first, again = (executor.submit(baseline()).result(timeout=300) for _ in range(2))
    finally:
        executor.close()
    assert first.score == again.score is not None, (first.reason, again.reason)
    assert first.leak and again.leak and first.attempts == again.attempts == 1
