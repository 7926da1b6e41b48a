"""What is saved where the features of frozen layers are kept?

An iteration (forward, backward, step) of DeepLabV3+ on ``EfficientNetLite`` with random weights, of whose six layers one to
all are frozen, with ``keep`` and without it, in turns: once over new images and their mirror images, and once more over the
same. Images of 128 x 96 are enlarged by 2. Losses and gradients are compared first. Time is that of the processor,
single-threaded, since others use the machine.

    python benchmarks/speed/kept_features.py [--quick]

The last line is one JSON object: ``ratio`` (time of an iteration with kept features over that without, all layers frozen),
``ratio_new`` (the same over images that are new) and ``rows``.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import time
import warnings
from statistics import median
from typing import Any, NamedTuple

warnings.filterwarnings('ignore')

import torch  # noqa: E402
from mmengine.registry import MODELS, init_default_scope  # noqa: E402
from mmengine.structures import PixelData  # noqa: E402
from mmseg.structures import SegDataSample  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from mmautoloss.backbones import efficientnet_lite  # noqa: E402
from mmautoloss.backbones.kept_features import KeptFeatures  # noqa: E402

CLASSES = 11
ENLARGE = 2.0
BATCH = 8
FROZEN = (1, 2, 3, 4, 5, 6)

Batch = tuple[Tensor, list[SegDataSample]]


class Row(NamedTuple):
    """Of a number of frozen layers: ratios of time, kept over not kept, and bytes that an image takes."""

    frozen: int
    ratio: float
    ratio_new: float
    bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='under 50 s: images of 64 x 48, and fewer')
    size, images = ((48, 64), 16) if parser.parse_args().quick else ((96, 128), 32)
    torch.set_num_threads(1)
    rows = [measure(frozen, size, images) for frozen in FROZEN]
    deepest = rows[-1]
    print(
        json.dumps({'ratio': deepest.ratio, 'ratio_new': deepest.ratio_new, 'rows': [row._asdict() for row in rows]})
    )


def measure(frozen: int, size: tuple[int, int], images: int) -> Row:
    """The row of a number of frozen layers.

    Args:
        frozen: Their number, from the stem.
        size: Height and width of the images.
        images: Number of images; each is also seen flipped.

    Raises:
        AssertionError: Kept features give another loss or other gradients.
    """
    store = KeptFeatures(limit=2**31)
    efficientnet_lite._kept = store
    torch.manual_seed(0)
    plain = build(frozen, keep=False)
    keeping = build(frozen, keep=True)
    keeping.load_state_dict(plain.state_dict())
    batches = made_up(size, images)
    compare(copy.deepcopy(plain), copy.deepcopy(keeping), batches[0])
    new = rounds([plain, keeping], batches[1:])  # the first batch is known by the comparison
    again = rounds([plain, keeping], batches)
    row = Row(frozen, round(again[1] / again[0], 3), round(new[1] / new[0], 3), store.size // (2 * images))
    print(f'{frozen} frozen: {row.ratio:.2f} of {again[0] * 1e3:.0f} ms an iteration, new images {row.ratio_new:.2f}, '
          f'{row.bytes / 1024:.0f} KiB an image', flush=True)  # fmt: skip
    return row


def build(frozen: int, keep: bool) -> nn.Module:
    """DeepLabV3+ with the heads of a small config."""
    init_default_scope('mmseg')
    common = {'num_classes': CLASSES, 'align_corners': False, 'dropout_ratio': 0}
    head = {'type': 'DepthwiseSeparableASPPHead', 'in_channels': 320, 'in_index': 1, 'channels': 32}
    backbone = {'type': 'mmautoloss.EfficientNetLite', 'out_indices': (2, 5), 'norm_eval': True}
    model = MODELS.build(
        {
            'type': 'EncoderDecoder',
            'backbone': {**backbone, 'frozen_stages': frozen, 'keep': keep, 'enlarge': ENLARGE},
            'decode_head': {**head, **common, 'dilations': (1, 2, 4), 'c1_in_channels': 24, 'c1_channels': 16},
        }
    )
    return model.train()


def made_up(size: tuple[int, int], images: int) -> list[Batch]:
    """Batches of random images, and then of the same, mirrored."""
    drawn = torch.randn(images, 3, *size)
    return [labelled(batch) for pictures in (drawn, drawn.flip(3)) for batch in pictures.split(BATCH)]


def labelled(images: Tensor) -> Batch:
    """Images with the labels of their brightest channel."""
    labels = images.argmax(dim=1, keepdim=True)
    settings = {'img_shape': tuple(images.shape[2:])}
    return images, [SegDataSample(gt_sem_seg=PixelData(data=label), metainfo=settings) for label in labels]


def rounds(models: list[nn.Module], batches: list[Batch]) -> list[float]:
    """Median seconds (processor) of an iteration of each model, in turns."""
    optimizers = [torch.optim.SGD(model.parameters(), lr=1e-3) for model in models]
    taken: list[list[float]] = [[] for _ in models]
    for (number, batch), which in itertools.product(enumerate(batches), range(len(models))):
        which = which if number % 2 else len(models) - 1 - which
        began = time.process_time()
        optimizers[which].zero_grad()
        loss_of(models[which], batch).backward()
        optimizers[which].step()
        taken[which].append(time.process_time() - began)
    return [median(each) for each in taken]


def loss_of(model: nn.Module, batch: Batch) -> Tensor:
    """The loss of a batch."""
    losses: dict[str, Any] = model.loss(*batch)
    return losses['decode.loss_ce']


def compare(plain: nn.Module, keeping: nn.Module, batch: Batch) -> None:
    """Checks that losses and gradients are equal but for rounding, with features that are new and that are kept."""
    wanted = loss_of(plain, batch)
    wanted.backward()
    for _ in range(2):
        keeping.zero_grad()
        found = loss_of(keeping, batch)
        found.backward()
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=0)
        for one, other in zip(keeping.parameters(), plain.parameters(), strict=True):
            if other.grad is None:
                assert one.grad is None, 'a frozen weight has a gradient'
            else:
                torch.testing.assert_close(one.grad, other.grad, rtol=0, atol=1e-3 * float(other.grad.abs().max()))


if __name__ == '__main__':
    main()
