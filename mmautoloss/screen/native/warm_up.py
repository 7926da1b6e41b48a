"""Calls of all compiled functions with all argument types, so that numba compiles and caches them."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from mmautoloss.screen.native.fingerprints import SampleGradients
from mmautoloss.screen.native.lowering import lower
from mmautoloss.screen.native.race import Race
from mmautoloss.screen.probe import Probe, Sample
from mmautoloss.screen.rejection import RejectionTest

_SCALING = {'means': torch.zeros(4), 'stds': torch.ones(4)}
_BOXES = torch.tensor([[0.0, 0.0, 8.0, 8.0], [2.0, 2.0, 6.0, 9.0]])


def warm() -> None:
    """Tests a loss on a tiny probe of every kind of input with different calls."""
    test = RejectionTest(steps=2)
    for probe, text in _probes():
        program = lower(probe.kind.parse(text), probe.kind)
        if program is None:
            raise ValueError(f'The compiled code does not know the operators of {text!r}.')
        Race(probe, test, test.sample(probe)).gain(program)
        SampleGradients(probe).norms(program)


def _probes() -> Iterator[tuple[Probe, str]]:
    labels, maps = torch.tensor([0, 1, 2]), torch.zeros(2, 3, 4, 4)
    yield Probe('softmax', 'softmax_recall', (Sample(torch.zeros(3, 3), labels, None, 3.0),), {}), '-y * log(p)'
    yield Probe('delta', 'delta_iou', (Sample(_BOXES / 8, _BOXES / 9, None, 2.0),), _SCALING), 'abs(p - y)'
    yield Probe('area', 'area_iou', (Sample(_BOXES, _BOXES + 1, None, 2.0),), {}), '1 - i / u'
    yield Probe('heatmap', 'heatmap_recall', (Sample(maps, maps.clamp(min=1), None, None),), {}), 'abs(maxpool(p) - y)'
