"""Probes of the size that real training has, made up: what an untrained model would say of five images.

Predictions are nearly alike, as of an untrained network; labels come in blobs, objects are rare. ``--probes FILE`` of the
benchmark takes the ``probes.pt`` of a real search instead.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.losses import input_kind
from mmautoloss.screen import Probe, Sample

IMAGES = 5
KNOWN = {
    'segmentation': '-y * log(p)',
    'roi_classes': '-y * log(p)',
    'rpn_objectness': '-(y * log(p) + (1 - y) * log(1 - p))',
    'box_deltas': 'abs(p - y)',
    'box_areas': '1 - i / u',
    'masks': '-(y * log(p) + (1 - y) * log(1 - p))',
    'heatmaps': '(p - y) ** 2',
}
"""The hand-made loss of each probe."""

KNOWN_OF_INPUTS = {
    'softmax': KNOWN['segmentation'],
    'sigmoid': KNOWN['rpn_objectness'],
    'mask': KNOWN['masks'],
    'heatmap': KNOWN['heatmaps'],
    'delta': KNOWN['box_deltas'],
    'area': KNOWN['box_areas'],
}
"""The hand-made loss of a kind of input."""


def segmentation(generator: torch.Generator) -> Sample:
    """Logits (1, 21, 64, 64); a label map of blobs, between which a line of pixels is ignored, as in PASCAL VOC."""
    smooth = F.interpolate(_normal(generator, 1, 21, 5, 5), size=(64, 64), mode='bicubic', align_corners=True)
    smooth[:, 0] += 1.0  # background takes most of an image
    label = smooth.argmax(dim=1)
    edge = (label[:, 1:] != label[:, :-1]).float()
    label[:, 1:][edge.bool()] = 255
    return Sample(0.1 * _normal(generator, 1, 21, 64, 64), label, None, None, 255)


def roi_classes(generator: torch.Generator) -> Sample:
    """Logits (512, 81) of which a quarter have an object, of few classes."""
    label = torch.full((512,), 80)
    label[:128] = torch.randint(0, 80, (8,), generator=generator)[torch.randint(0, 8, (128,), generator=generator)]
    return Sample(0.1 * _normal(generator, 512, 81), label, torch.ones(512), 512.0)


def rpn_objectness(generator: torch.Generator) -> Sample:
    """Logits (256, 1) of the anchors that were drawn; label 0 is an object."""
    label = (torch.rand(256, generator=generator) > 0.3).long()
    return Sample(0.1 * _normal(generator, 256, 1), label, torch.ones(256), 256.0)


def box_deltas(generator: torch.Generator) -> Sample:
    """Deltas (128, 4) of the positives."""
    return Sample(0.1 * _normal(generator, 128, 4), 0.7 * _normal(generator, 128, 4), torch.ones(128, 4), 512.0)


def box_areas(generator: torch.Generator) -> Sample:
    """Decoded boxes (128, 4) of the positives."""
    corner = 800 * torch.rand(128, 2, generator=generator)
    target = torch.cat([corner, corner + 20 + 80 * _normal(generator, 128, 2).abs()], dim=1)
    sides = (target[:, 2:] - target[:, :2]).repeat(1, 2)
    return Sample(target + 0.1 * sides * _normal(generator, 128, 4), target, torch.ones(128), 512.0)


def masks(generator: torch.Generator) -> Sample:
    """Logits (32, 1, 28, 28) of instances that fill most of their boxes."""
    smooth = F.interpolate(_normal(generator, 32, 1, 4, 4), size=(28, 28), mode='bicubic', align_corners=True)
    inside = (smooth[:, 0] + 0.4 > 0).float()
    return Sample(0.1 * _normal(generator, 32, 1, 28, 28), inside, torch.zeros(32, dtype=torch.long), 32.0)


def heatmaps(generator: torch.Generator) -> Sample:
    """Maps (1, 17, 64, 48) with a Gaussian of deviation 2 a keypoint; three keypoints in ten are not seen."""
    rows, columns = torch.arange(64.0)[:, None], torch.arange(48.0)
    centre = torch.rand(17, 2, generator=generator) * torch.tensor([63.0, 47.0])
    distance = (rows - centre[:, 0, None, None]) ** 2 + (columns - centre[:, 1, None, None]) ** 2
    seen = (torch.rand(1, 17, generator=generator) > 0.3).float()
    return Sample(0.01 * _normal(generator, 1, 17, 64, 48), torch.exp(-distance / 8)[None], seen, None)


_KINDS: dict[str, tuple[str, Callable[[torch.Generator], Sample]]] = {
    'segmentation': ('softmax', segmentation),
    'roi_classes': ('softmax', roi_classes),
    'rpn_objectness': ('sigmoid', rpn_objectness),
    'box_deltas': ('delta', box_deltas),
    'box_areas': ('area', box_areas),
    'masks': ('mask', masks),
    'heatmaps': ('heatmap', heatmaps),
}


def made_up_probes() -> dict[str, Probe]:
    """One probe of each kind, the same in every run."""
    generator = torch.Generator().manual_seed(0)
    return {name: _probe(name, generator) for name in _KINDS}


def _probe(name: str, generator: torch.Generator) -> Probe:
    inputs, draw = _KINDS[name]
    metric = 'mIoU' if name == 'segmentation' else input_kind(inputs).metric
    scaling = {'means': torch.zeros(4), 'stds': torch.tensor([0.1, 0.1, 0.2, 0.2])} if inputs == 'delta' else {}
    return Probe(inputs, metric, tuple(draw(generator) for _ in range(IMAGES)), scaling)


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)
