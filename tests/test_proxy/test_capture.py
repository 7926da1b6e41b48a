"""What is recorded of the calls of the losses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from mmautoloss.branches import Branch
from mmautoloss.errors import SetupError
from mmautoloss.proxy import ProxyEvaluator, capture_probes
from mmautoloss.proxy.capture import _join
from mmautoloss.screen import Probe, load_probes, save_probes
from mmautoloss.testing.toy import CLASSES, ROWS
from tests.test_proxy.conftest import baseline, digest

Make = Callable[..., ProxyEvaluator]


def capture(evaluator: ProxyEvaluator, samples: int = 3, seed: int = 0) -> dict[str, Probe]:
    return capture_probes(evaluator.runner, evaluator.settings.branches, samples, seed)


def assert_equal(one: dict[str, Probe], other: dict[str, Probe]) -> None:
    assert list(one) == list(other)
    for name, probe in one.items():
        twin = other[name]
        assert (probe.inputs, probe.metric) == (twin.inputs, twin.metric)
        assert probe.scaling.keys() == twin.scaling.keys()
        assert all(torch.equal(probe.scaling[key], twin.scaling[key]) for key in probe.scaling)
        for left, right in zip(probe.samples, twin.samples, strict=True):
            for key, value in vars(left).items():
                same = torch.equal(value, vars(right)[key]) if torch.is_tensor(value) else None
                assert same if torch.is_tensor(value) else value == vars(right)[key]


def test_rows_are_those_of_the_calls(make_evaluator: Make) -> None:
    evaluator = make_evaluator()
    probes = capture(evaluator)
    assert list(probes) == ['cls', 'box']
    data = evaluator.runner.train_dataset
    for image, cls, box in zip((0, 10, 21), probes['cls'].samples, probes['box'].samples, strict=True):
        labels, found = data.labels[image], data.labels[image] < CLASSES
        assert torch.equal(cls.target, labels)
        assert cls.pred.shape == (ROWS, CLASSES + 1) and cls.weight.shape == (ROWS,)
        assert torch.equal(box.target, data.deltas[image][found])
        assert (cls.avg_factor, box.avg_factor) == (8.0, 8.0), 'the normaliser of the head'


def test_scaling_is_that_of_the_coder(make_evaluator: Make) -> None:
    probes = capture(make_evaluator())
    assert probes['cls'].scaling == {}
    assert torch.equal(probes['box'].scaling['stds'], torch.tensor([0.1, 0.1, 0.2, 0.2]))
    assert [probes[name].metric for name in probes] == ['softmax_recall', 'delta_iou']


def test_hand_made_loss_on_a_sample_is_what_the_model_computed(make_evaluator: Make) -> None:
    evaluator = make_evaluator()
    heard: dict[str, list[float]] = {name: [] for name in ('cls', 'box')}
    model = evaluator.runner.initial_model(0)
    handles = [
        branch.loss(model).register_forward_hook(
            lambda module, args, value, name=branch.name: heard[name].append(float(value))
        )
        for branch in evaluator.settings.branches
    ]
    probes = capture(evaluator)
    for handle in handles:
        handle.remove()
    for name, probe in probes.items():
        again = [float(sample.loss(evaluator.hand_made[name])) for sample in probe.samples]
        assert again == pytest.approx(heard[name], rel=1e-6)


def test_capture_is_repeatable_and_leaves_no_trace(make_evaluator: Make) -> None:
    evaluator = make_evaluator()
    evaluator.evaluate(baseline())
    trained = digest(evaluator.runner.model)
    first = capture(evaluator)
    assert_equal(first, capture(evaluator))
    evaluator.evaluate(baseline())
    assert digest(evaluator.runner.model) == trained
    assert_equal(first, capture(evaluator))


def test_probes_survive_a_file(make_evaluator: Make, tmp_path) -> None:
    """Read with ``weights_only``: tensors and plain values, no code."""
    probes = capture(make_evaluator())
    save_probes(probes, tmp_path / 'probes.pt')
    torch.load(tmp_path / 'probes.pt', weights_only=True)
    assert_equal(load_probes(tmp_path / 'probes.pt'), probes)
    assert list(tmp_path.glob('*.part')) == []


def test_too_few_images(make_evaluator: Make) -> None:
    with pytest.raises(SetupError, match='needs 33 training images, but there are 32'):
        capture(make_evaluator(), samples=33)


def test_a_batch_norm_that_needs_more_images(make_evaluator: Make) -> None:
    evaluator = make_evaluator()
    norm = torch.nn.BatchNorm1d(3)
    evaluator.runner.initial_model(0).register_forward_pre_hook(lambda *_: norm(torch.zeros(1, 3)) and None)
    with pytest.raises(SetupError, match=r'on one training image.*set screen.samples to 2 or more'):
        capture(evaluator, samples=1)


def test_values_without_a_coder_are_judged_by_closeness(make_evaluator: Make) -> None:
    evaluator = make_evaluator()
    evaluator.runner.initial_model(0).head.bbox_coder = None
    assert capture(evaluator)['box'].metric == 'closeness'


def test_calls_of_levels_are_joined() -> None:
    branch = Branch('cls', 'head.loss_cls', 'softmax')
    calls = [
        {
            'cls_score': torch.full((rows, 2), float(rows)),
            'label': torch.zeros(rows, dtype=torch.long),
            'weight': torch.ones(rows),
            'avg_factor': torch.tensor(7.0),
        }
        for rows in (3, 1)
    ]
    sample = _join(branch, calls)
    assert sample.pred[:, 0].tolist() == [3.0, 3.0, 3.0, 1.0]
    assert (len(sample.target), len(sample.weight), sample.avg_factor) == (4, 4, 7.0)
    calls[1]['avg_factor'] = 8
    with pytest.raises(SetupError, match=r"'head.loss_cls' .*several normalisers at once: \[7.0, 8"):
        _join(branch, calls)
