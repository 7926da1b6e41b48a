"""Losses of two boxes against what geometry says."""

from __future__ import annotations

import json
import math
import random

import pytest
import torch

from mmautoloss.expr import parse, random_tree
from mmautoloss.losses import ZOO
from mmautoloss.report.facts.curves import found_loss
from mmautoloss.report.facts.surface import Surface, box_lines, surface_of
from mmautoloss.report.figures.surface import draw_lines, draw_surfaces, lowest

GIOU = found_loss(parse(ZOO['giou'].expression), 'area')


def test_giou_of_a_box_that_moves() -> None:
    """Equal boxes at a distance s: i = 1 - s, u = 1 + s, e = 1 + s; apart i = 0 and u = 2."""
    line = box_lines(GIOU)[0]
    for shift, value in zip(line.at, line.value, strict=True):
        common, union = max(0.0, 1 - shift), 2 - max(0.0, 1 - shift)
        assert value == pytest.approx(1 - common / union + (1 + shift - union) / (1 + shift), abs=1e-6)
    assert line.at_target == pytest.approx(0, abs=1e-6)


def test_giou_of_a_box_that_grows() -> None:
    line = box_lines(GIOU)[1]
    for scale, value in zip(line.at, line.value, strict=True):
        assert value == pytest.approx(1 - min(scale, 1 / scale) ** 2, abs=1e-6)


@pytest.mark.parametrize('name', ['iou', 'giou', 'cse_a', 'cse_b'])
def test_slopes_are_those_of_the_lines(name: str) -> None:
    for line in box_lines(found_loss(parse(ZOO[name].expression), 'area'), points=2000):
        at, value, slope = (torch.tensor(part, dtype=torch.float64) for part in line[1:])
        difference = (value[2:] - value[:-2]) / (at[2:] - at[:-2])
        near = (difference - slope[1:-1]).abs() < 1e-3 * (1 + difference.abs())
        assert near.float().mean() > 0.99  # all but the corners


def test_a_surface_holds_the_lines() -> None:
    surface, (shifts, _) = surface_of(GIOU, 41), box_lines(GIOU, 41)
    at_scale_one = surface.value[20]
    assert surface.scale[20] == pytest.approx(1)
    assert at_scale_one == pytest.approx(shifts.value, abs=1e-6)
    assert surface.at_target == pytest.approx(0, abs=1e-6)
    assert lowest(surface) == pytest.approx((0.0, 1.0))


def test_the_lowest_value_of_a_wrong_loss_is_elsewhere() -> None:
    shift, _ = lowest(surface_of(found_loss(parse('i / u'), 'area')))
    assert shift > 0.5
    assert lowest(Surface((0.0,), (1.0,), ((math.nan,),))) is None


def test_drawings_of_random_losses() -> None:
    rng = random.Random(0)
    for number in range(200):
        loss = found_loss(random_tree(rng, ('i', 'u', 'e'), rng.randint(1, 4)), 'area')
        lines, surface = box_lines(loss, 9), surface_of(loss, 6)
        if number % 100 == 0:
            for figure in (draw_lines('l', '', '', {'found': lines}), draw_surfaces('s', '', '', {'found': surface})):
                json.loads(figure.table.to_json_text())
                assert figure.svg.startswith('<svg') and 'nan' not in figure.svg.lower()


def test_both_losses_are_drawn() -> None:
    found = found_loss(parse('1 - i / u'), 'area', 2.0)
    lines = draw_lines('lines', 'Lines', '', {'hand-made': box_lines(GIOU), 'found': box_lines(found)})
    surfaces = draw_surfaces('s', 'Surfaces', '', {'hand-made': surface_of(GIOU), 'found': surface_of(found)})
    for figure in (lines, surfaces):
        assert set(figure.table.column('loss')) == {'hand-made', 'found'}
        assert 'var(--base)' in figure.svg and 'var(--found)' in figure.svg
    assert set(lines.table.column('moved')) == {'shift', 'scale'}
