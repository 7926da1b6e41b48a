"""mAP and ranks of embeddings: against loops, against mmdet, with ties, queries and cameras."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.evaluation import IdentityMetric, identity_scores


def embeddings(seed: int = 0, count: int = 40, identities: int = 9) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, generator=generator), torch.randint(identities, (count,), generator=generator)


def by_loops(features: Tensor, labels: Tensor, queries: list[int], gallery: dict[int, list[int]]) -> dict[str, float]:
    precisions, first = [], []
    for query in queries:
        order = sorted(gallery[query], key=lambda k: float((features[k] - features[query]).double().norm()))
        places = [place for place, k in enumerate(order, start=1) if labels[k] == labels[query]]
        if places:
            precisions.append(sum(n / place for n, place in enumerate(places, start=1)) / len(places))
            first.append(places[0])
    count = len(precisions)
    return {'mAP': sum(precisions) / count} | {
        f'R{rank}': sum(p <= rank for p in first) / count for rank in (1, 5, 10)
    }


def test_each_image_against_all_others() -> None:
    for seed in range(10):
        features, labels = embeddings(seed)
        rows = list(range(len(labels)))
        wanted = by_loops(features, labels, rows, {query: [k for k in rows if k != query] for query in rows})
        assert identity_scores(features, labels) == pytest.approx(wanted)


def test_queries_and_cameras() -> None:
    features, labels = embeddings(count=60)
    cameras, queries = torch.arange(60) % 3, torch.arange(60) < 15
    gallery = {
        query: [k for k in range(15, 60) if (labels[k], cameras[k]) != (labels[query], cameras[query])]
        for query in range(15)
    }
    wanted = by_loops(features, labels, list(range(15)), gallery)
    assert identity_scores(features, labels, queries=queries, cameras=cameras) == pytest.approx(wanted)


def test_more_queries_than_are_ranked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = embeddings()
    wanted = identity_scores(features, labels)
    monkeypatch.setattr('mmautoloss.evaluation.identities._ROWS', 7)
    assert identity_scores(features, labels) == pytest.approx(wanted)


def test_equal_embeddings_are_told_apart_by_nobody() -> None:
    """By the order of the file, neighbours would be found."""
    scores = identity_scores(torch.zeros(40, 3), torch.arange(40) // 2)
    assert (scores['R1'], scores['R10']) == (0, 0) and scores['mAP'] == pytest.approx(1 / 39)


def test_embeddings_that_are_not_finite_have_no_score() -> None:
    features, labels = embeddings()
    features[3] = torch.nan
    assert all(math.isnan(value) for value in identity_scores(features, labels).values())


def test_nothing_to_find_is_an_error() -> None:
    with pytest.raises(SetupError, match='No query of 4 images has another image of its identity'):
        identity_scores(torch.randn(4, 2), torch.arange(4))


def samples(features: Tensor, labels: Tensor, names: list[str]) -> list[dict]:
    return [
        {'pred_feature': feature, 'gt_label': {'label': label[None]}, 'img_path': name}
        for feature, label, name in zip(features, labels, names, strict=True)
    ]


def evaluated(metric: IdentityMetric, data: list[dict]) -> dict[str, float]:
    metric.process({}, data)
    return metric.evaluate(len(data))


def test_metric_is_that_of_mmdet_unrounded() -> None:
    metrics = pytest.importorskip('mmdet.evaluation.metrics', exc_type=ImportError)
    features, labels = embeddings(count=80)
    data = samples(features, labels, [''] * 80)
    theirs = evaluated(metrics.ReIDMetrics(metric=['mAP', 'CMC']), data)
    ours = evaluated(IdentityMetric(ranks=(1, 5, 10, 20)), data)
    assert ours == pytest.approx({name.rpartition('/')[2]: value for name, value in theirs.items()}, abs=5.1e-4)
    assert ours['mAP'] != round(ours['mAP'], 3)


def test_metric_reads_queries_and_cameras_from_paths() -> None:
    features, labels = embeddings(count=60)
    names = [f'{"query" if n < 15 else "gallery"}/{labels[n]:04}_c{n % 3}s1.jpg' for n in range(60)]
    found = evaluated(IdentityMetric(query='query/', camera=r'_c(\d)'), samples(features, labels, names))
    wanted = identity_scores(features, labels, queries=torch.arange(60) < 15, cameras=torch.arange(60) % 3)
    assert found == pytest.approx(wanted)


WRONG = {
    'no regular expression': ({'query': '('}, 'IdentityMetric.query must be a regular expression'),
    'no group': ({'camera': '_c'}, 'IdentityMetric.camera needs a group'),
    'no rank': ({'ranks': [0]}, 'IdentityMetric.ranks must be'),
}


@pytest.mark.parametrize(('settings', 'message'), WRONG.values(), ids=WRONG)
def test_settings_without_meaning(settings: dict, message: str) -> None:
    with pytest.raises(SetupError, match=message):
        IdentityMetric(**settings)


def test_a_path_without_a_camera() -> None:
    with pytest.raises(SetupError, match=r"finds nothing in 'x\.jpg'"):
        IdentityMetric(camera=r'_c(\d)').process({}, samples(torch.zeros(1, 2), torch.zeros(1), ['x.jpg']))
