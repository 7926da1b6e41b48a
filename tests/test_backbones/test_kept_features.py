"""What is kept is what would be computed, of the same image, weights, settings and precision."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from mmautoloss.backbones.kept_features import KeptFeatures

IMAGES = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).reshape(2, 3, 4, 4)
WEIGHTS = (torch.tensor([2.0, 3.0]), torch.tensor(5))


class Store(KeptFeatures):
    """Features are an image times a weight, and its sum; keeps what it was asked for."""

    def __init__(self, limit: int = 2**20) -> None:
        super().__init__(limit)
        self.asked: list[Tensor] = []

    def of(self, images: Tensor, weights: Any = WEIGHTS, settings: str = '') -> tuple[Tensor, ...]:
        def compute(image: Tensor) -> tuple[Tensor, ...]:
            self.asked.append(image.clone())
            return image * weights[0][0], image.sum(dim=(1, 2, 3))

        return self.batch(images, weights, settings, compute)


def test_each_image_is_computed_once_and_alone() -> None:
    store = Store()
    for images in (IMAGES, IMAGES.flip(0), IMAGES[:1], IMAGES.to(memory_format=torch.channels_last)):
        scaled, sums = store.of(images)
        assert torch.equal(scaled, images * 2) and torch.equal(sums, images.sum(dim=(1, 2, 3)))
    assert [tuple(image.shape) for image in store.asked] == [(1, 3, 4, 4)] * 2
    assert store.size == 2 * 4 * (48 + 1)


@pytest.mark.parametrize(
    'change',
    [
        pytest.param(lambda store: store.of(IMAGES.flip(3)), id='flipped'),
        pytest.param(lambda store: store.of(IMAGES + torch.eye(4) * 1e-5), id='last digits'),
        pytest.param(lambda store: store.of(IMAGES.reshape(2, 3, 2, 8)), id='shape'),
        pytest.param(lambda store: store.of(IMAGES.double()), id='type'),
        pytest.param(lambda store: store.of(IMAGES, (torch.tensor([2.0, 3.5]), WEIGHTS[1])), id='weights'),
        pytest.param(lambda store: store.of(IMAGES, (WEIGHTS[0].flip(0), WEIGHTS[1])), id='weights swapped'),
        pytest.param(lambda store: store.of(IMAGES, (WEIGHTS[0].double(), WEIGHTS[1])), id='type of weights'),
        pytest.param(lambda store: store.of(IMAGES, (WEIGHTS[0], torch.tensor(6))), id='number'),
        pytest.param(lambda store: store.of(IMAGES, WEIGHTS[:1]), id='fewer weights'),
        pytest.param(lambda store: store.of(IMAGES, settings='enlarged'), id='settings'),
    ],
)
def test_anything_else_is_computed_anew(change: Any) -> None:
    store = Store()
    before = store.of(IMAGES)
    change(store)
    assert len(store.asked) == 4
    assert all(map(torch.equal, store.of(IMAGES), before)) and len(store.asked) == 4, 'both are kept'


def test_precision_of_autocast_counts() -> None:
    store = Store()
    store.of(IMAGES)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        store.of(IMAGES)
        store.of(IMAGES)
    assert len(store.asked) == 4


def test_the_number_of_threads_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """With another one a sum may be rounded otherwise, so a training would not be that of a new process."""
    store = Store()
    for threads in (1, 2, 1):
        monkeypatch.setattr(torch, 'get_num_threads', lambda threads=threads: threads)
        store.of(IMAGES)
    assert len(store.asked) == 4


def test_half_precision_is_kept() -> None:
    store = Store()
    for _ in range(2):
        assert store.of(IMAGES.bfloat16())[0].dtype == torch.bfloat16
    assert len(store.asked) == 2


@pytest.mark.parametrize('write', [lambda w: w.data.mul_(2), lambda w: w.mul_(2), lambda w: w.numpy().fill(9)])
def test_weights_that_are_written_in_place_count(write: Any) -> None:
    store, weight = Store(), torch.ones(2)
    before = store.of(IMAGES, (weight,))[0]
    write(weight)
    after = store.of(IMAGES, (weight,))[0]
    assert torch.equal(before, IMAGES) and torch.equal(after, IMAGES * weight[0])


def test_weights_that_are_no_numbers_are_never_confused() -> None:
    store, weight = Store(), torch.tensor([1.0, float('nan')])
    for _ in range(2):
        store.of(IMAGES, (weight,))
    assert len(store.asked) == 2


def test_what_was_not_used_for_longest_leaves_first() -> None:
    store = Store(limit=3 * 4 * 49)
    images = [IMAGES[:1] + step for step in range(4)]
    for step in (0, 1, 2, 0, 3):
        store.of(images[step])
    assert len(store.asked) == 4 and store.size == store.limit
    store.of(images[0])
    store.of(images[2])
    assert len(store.asked) == 4
    store.of(images[1])
    assert len(store.asked) == 5 and store.size == store.limit


def test_what_is_too_large_is_computed_all_the_same() -> None:
    store = Store(limit=10)
    for _ in range(2):
        assert torch.equal(store.of(IMAGES)[0], IMAGES * 2)
    assert len(store.asked) == 4 and store.size == 0


def test_writing_into_what_is_given_changes_nothing() -> None:
    store = Store()
    for _ in range(2):
        scaled, _ = store.of(IMAGES[:1])
        assert torch.equal(scaled, IMAGES[:1] * 2)
        scaled.zero_()


def test_features_of_a_validation_serve_a_training() -> None:
    store = Store()
    with torch.inference_mode():
        store.of(IMAGES)
    scaled, _ = store.of(IMAGES)
    factor = torch.ones(1, requires_grad=True)
    (scaled * factor).sum().backward()
    assert factor.grad.item() == scaled.sum() and len(store.asked) == 2
