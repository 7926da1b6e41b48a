"""The reused Runner and the capture on a small Faster R-CNN on digit scenes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

pytest.importorskip('mmdet')
pytest.importorskip('mmcv.ops')

from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.expr import Genome
from mmautoloss.proxy import ProxyEvaluator, capture_probes
from mmautoloss.screen import Probe
from mmautoloss.trial import Role, State, Trial
from tests.isolation import ROOT
from tests.test_proxy.conftest import digest

pytestmark = pytest.mark.slow

CONFIG = str(ROOT / 'configs/digits/faster_rcnn_short_search.py')
SMALL = {
    'train_dataloader.batch_size': 2,
    'val_dataloader.batch_size': 4,
    'train_dataloader.dataset.indices': 12,
    'val_dataloader.dataset.indices': 4,
    'test_dataloader.dataset.indices': 4,
    'train_cfg.proxy.schedule.max_iters': 3,
}
FOUND = Genome.from_text(
    {
        'rpn_cls': '-(y * log(p) + (1 - y) * log(1 - p))',
        'rpn_box': '(p - y) ** 2',
        'roi_cls': '-y * log(p)',
        'roi_box': 'sqrt(abs(p - y))',
    }
)
OTHER = FOUND.with_tree('roi_cls', Genome.from_text({'x': '(p - y) ** 2'})['x'])


@pytest.fixture(scope='module')
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyEvaluator]:
    work = tmp_path_factory.mktemp('faster_rcnn')
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    evaluator = ProxyEvaluator(spec_of(load_search_config(CONFIG, str(work), SMALL)).proxy)
    yield evaluator
    evaluator.close()
    torch.set_num_threads(threads)


def searched(genome: Genome) -> Trial:
    return Trial(1, Role.SEARCH, 0, genome, dict.fromkeys(genome, 0.5))


def weights(evaluator: ProxyEvaluator, trial: Trial) -> str:
    outcome = evaluator.evaluate(trial)
    # three iterations may detect nothing: then there is no metric, but the training is there
    assert outcome.state is State.COMPLETE or 'gave no' in outcome.reason, outcome.reason
    return digest(evaluator.runner.model)


def test_reuse_is_bit_equal(evaluator: ProxyEvaluator, tmp_path: Path) -> None:
    first = weights(evaluator, searched(FOUND))
    assert weights(evaluator, searched(OTHER)) != first
    hand_made = weights(evaluator, Trial(0, Role.BASELINE, 0))
    assert weights(evaluator, searched(FOUND)) == first
    another = ProxyEvaluator(evaluator.settings)  # model, data and evaluator built afresh
    try:
        assert weights(another, searched(FOUND)) == first
        assert weights(another, Trial(0, Role.BASELINE, 0)) == hand_made
    finally:
        another.close()


@pytest.fixture(scope='module')
def heard(evaluator: ProxyEvaluator) -> dict[str, list[float]]:
    """Values of the losses while the probes are captured, call by call."""
    return {branch.name: [] for branch in evaluator.settings.branches}


@pytest.fixture(scope='module')
def probes(evaluator: ProxyEvaluator, heard: dict[str, list[float]]) -> dict[str, Probe]:
    model, handles = evaluator.runner.initial_model(0), []  # of which the captured one is a copy
    for branch in evaluator.settings.branches:
        calls = heard[branch.name]
        handles.append(
            branch.loss(model).register_forward_hook(
                lambda module, args, value, calls=calls: calls.append(float(value))
            )
        )
    probes = capture_probes(evaluator.runner, evaluator.settings.branches, 4, seed=0)
    for handle in handles:
        handle.remove()
    return probes


def test_hand_made_loss_on_the_samples_is_the_sum_of_the_calls(
    evaluator: ProxyEvaluator, probes: dict[str, Probe], heard: dict[str, list[float]]
) -> None:
    for name, probe in probes.items():
        loss = evaluator.hand_made[name]
        total = sum(float(sample.loss(loss)) for sample in probe.samples)
        assert total == pytest.approx(sum(heard[name]), rel=1e-5), name


def test_levels_are_joined(evaluator: ProxyEvaluator, probes: dict[str, Probe], heard: dict[str, list[float]]) -> None:
    levels = len(evaluator.runner.model.rpn_head.prior_generator.strides)
    assert levels > 1
    assert len(heard['rpn_cls']) == levels * len(probes['rpn_cls'].samples) == levels * 4
    for name in ('rpn_cls', 'rpn_box'):
        anchors = {len(sample.pred) for sample in probes[name].samples}
        assert len(anchors) == 1, 'all anchors of an image of one size'
    for sample in probes['rpn_cls'].samples:
        assert int((sample.weight > 0).sum()) == int(sample.avg_factor) <= 64


def test_rows_of_the_second_stage(probes: dict[str, Probe]) -> None:
    for sample in probes['roi_cls'].samples:
        assert sample.pred.shape[1] == 11 and int(sample.target.max()) <= 10
        assert sample.avg_factor == max(float((sample.weight > 0).sum()), 1.0)
    stds = probes['roi_box'].scaling['stds'].tolist()
    assert stds == pytest.approx([0.1, 0.1, 0.2, 0.2])
