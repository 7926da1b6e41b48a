"""One-shot accuracy: by hand, of drawn runs and of those that paths give."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.evaluation import OneShotMetric, draw_runs, one_shot_accuracy
from mmautoloss.evaluation.one_shot import Run

LABELS = torch.arange(30).repeat_interleave(4)


def features(spread: float, seed: int = 0) -> Tensor:
    """Four embeddings around the place of each class."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.randn(30, 8, generator=generator).repeat_interleave(4, dim=0)
    return places + spread * torch.randn(120, 8, generator=generator)


def test_by_hand() -> None:
    run = Run(torch.tensor([0, 1]), torch.tensor([2, 3, 4]))
    labels, points = torch.tensor([5, 6, 5, 6, 6]), torch.tensor([[0.0], [2.0], [0.5], [0.9], [1.0]])
    assert one_shot_accuracy(points, labels, [run]) == pytest.approx(1 / 3), 'in the middle is not right'
    assert math.isnan(one_shot_accuracy(points * torch.inf, labels, [run]))


def test_drawn_runs_have_a_support_and_a_test_of_each_class() -> None:
    runs = draw_runs(LABELS, 20, 50, seed=3)
    assert len(runs) == 50
    for run in runs:
        assert len(set(LABELS[run.support].tolist())) == 20 and torch.equal(LABELS[run.support], LABELS[run.test])
        assert (run.support != run.test).all()
    again, other = (draw_runs(LABELS, 20, 50, seed) for seed in (3, 4))
    assert all(torch.equal(one.test, same.test) for one, same in zip(runs, again, strict=True))
    assert not all(torch.equal(one.test, same.test) for one, same in zip(runs, other, strict=True))
    with pytest.raises(SetupError, match='needs 31 classes with two images or more, but there are 30'):
        draw_runs(LABELS, 31, 1, 0)


def scored(metric: OneShotMetric, points: Tensor, labels: Tensor, names: list[str]) -> float:
    metric.process(
        {},
        [
            {'pred_feature': point, 'gt_label': {'label': label[None]}, 'img_path': name}
            for point, label, name in zip(points, labels, names, strict=True)
        ],
    )
    return metric.evaluate(len(labels))['one_shot']


def test_better_embeddings_score_higher() -> None:
    names = [''] * len(LABELS)
    values = [scored(OneShotMetric(), features(spread), LABELS, names) for spread in (0.01, 0.5, 1.0, 100.0)]
    assert values[0] == 1 and values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(0.05, abs=0.02), 'chance'
    assert scored(OneShotMetric(), torch.zeros(120, 8), LABELS, names) == 0


def test_runs_are_given_by_paths() -> None:
    """As those of Omniglot; numbers of classes begin anew in each run."""
    points, labels, names, right = [], [], [], []
    generator = torch.Generator().manual_seed(0)
    for run in range(3):
        support, test = torch.randn(2, 5, 4, generator=generator)
        nearest = torch.cdist(test, support).argmin(dim=1)
        right += (nearest == torch.arange(5)).tolist()
        points += [*support, *test]
        labels += [*range(5), *range(5)]
        names += [f'run{run:02}/{kind}_{n:02}.png' for kind in ('support', 'test') for n in range(5)]
    metric = OneShotMetric(run=r'(run\d+)/', support='support_')
    assert scored(metric, torch.stack(points), torch.tensor(labels), names) == pytest.approx(sum(right) / 15)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    'one way': ({'ways': 1}, r'OneShotMetric\.ways must be'),
    'no supports': ({'run': '(x)'}, 'needs run and support, or none'),
    'no group': ({'run': 'x', 'support': 'y'}, r'OneShotMetric\.run needs a group'),
}


@pytest.mark.parametrize(('settings', 'message'), WRONG.values(), ids=WRONG)
def test_settings_without_meaning(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SetupError, match=message):
        OneShotMetric(**settings)


def test_a_run_without_tests() -> None:
    metric = OneShotMetric(run='(run)', support='support')
    with pytest.raises(SetupError, match="run 'run' has 2 supports and 0 tests"):
        scored(metric, torch.zeros(2, 3), torch.arange(2), ['run/support_1', 'run/support_2'])
