"""What frozen layers make of an image, kept so that each process computes it once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

Features = tuple[Tensor, ...]


class KeptFeatures:
    """Features by image, weights and settings; those that were not used for the longest time leave first.

    What is kept can never be stale: another image, other weights, however they were written, another device, precision or
    number of threads (on which the last digits depend) is another key. Features are those of an image alone, since in a
    batch they may differ in the last digits.

    Args:
        limit: Size in bytes of all features together.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._kept: OrderedDict[bytes, Features] = OrderedDict()
        self._weights: list[Tensor] = []
        self._weights_digest = b''

    def batch(
        self, images: Tensor, weights: Iterable[Tensor], settings: str, compute: Callable[[Tensor], Features]
    ) -> Features:
        """The features of a batch, of which ``compute`` makes those that are not kept.

        Args:
            images: Shape (N, C, H, W).
            weights: All tensors on which the features depend, besides the image.
            settings: All else on which they depend.
            compute: Maps an image of shape (1, C, H, W) to tensors of shape (1, ...).

        Returns:
            What ``compute`` returns, of shape (N, ...), without gradients.
        """
        shared = self._digest_weights(list(weights)) + f'{settings}, {_precision(images)}'.encode()
        rows = [self._features(shared + _digest([image]), image[None], compute) for image in images.contiguous()]
        return tuple(torch.cat(level) for level in zip(*rows, strict=True))

    def _digest_weights(self, weights: list[Tensor]) -> bytes:
        # comparing with a copy takes a third of the time of a digest
        if not _equal(weights, self._weights):
            self._weights = [weight.detach().clone() for weight in weights]
            self._weights_digest = _digest(weights)
        return self._weights_digest

    def _features(self, key: bytes, image: Tensor, compute: Callable[[Tensor], Features]) -> Features:
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        with torch.no_grad():
            features = compute(image)
        self._kept[key] = features
        self.size += _bytes(features)
        while self.size > self.limit:
            self.size -= _bytes(self._kept.popitem(last=False)[1])
        return features


def _equal(tensors: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    return len(tensors) == len(others) and all(
        one.dtype == other.dtype and one.device == other.device and torch.equal(one, other)
        for one, other in zip(tensors, others, strict=True)
    )


def _digest(tensors: Iterable[Tensor]) -> bytes:
    digest = hashlib.sha1(usedforsecurity=False)
    for tensor in tensors:
        digest.update(f'{tuple(tensor.shape)} {tensor.dtype}'.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.digest()


def _precision(images: Tensor) -> str:
    """The device, its threads, and the precision in which it multiplies: under autocast not that of the image."""
    one = images.new_ones(1, 1)
    return f'{images.device} {torch.get_num_threads()} {(one @ one).dtype}'


def _bytes(features: Features) -> int:
    return sum(level.nbytes for level in features)
