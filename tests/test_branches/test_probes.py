"""Losses of heads with calls of their own are recorded, calibrated and screened, and what passes trains the model."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

pytest.importorskip('mmdet.models', reason='builds models of mmdet', exc_type=ImportError)
pytest.importorskip('mmpose.models', reason='builds models of mmpose', exc_type=ImportError)

from mmautoloss.branches import build_branches, install_losses
from mmautoloss.expr import Genome, parse
from mmautoloss.proxy.capture import _record
from mmautoloss.proxy.recorded_probe import make_probe
from mmautoloss.screen import FastScreen
from mmautoloss.screen.calibration import calibrate
from mmautoloss.screen.rejection import RejectionTest
from mmautoloss.trial import Role, Trial
from tests.test_branches.heads_table import HEADS
from tests.test_branches.test_heads import build, make_batch, run

pytestmark = pytest.mark.slow

TEST = RejectionTest(steps=40, lr=0.3)
CANDIDATES = {
    'softmax': '-y * log(p)',
    'sigmoid': '(p - y) ** 2',
    'delta': 'log(1 + abs(p - y))',
    'area': '-log(i / u)',
    'bins': '-(sqrt(y) * log(p))',
    'quality': '(p - q) ** 2',
    'triplet': 'a / n',
}


@pytest.mark.parametrize(
    'name', ['GFL', 'RTMDet', 'RTMPose', 'SimCC', 'DETR', 'FoveaBox', 'YOLOX', 'pose regression', 'ReID']
)
def test_a_screened_candidate_trains(name: str) -> None:
    row = HEADS[name]
    cfg = row.model_config()
    model = build(cfg)
    branches = build_branches('all', lambda: model)
    batch = make_batch(row, cfg)
    samples = _record(model, branches, deepcopy(batch))
    genome, weights = {}, {}
    for branch in branches:
        probe = make_probe(model, branch, [samples[branch.name]], [])
        hand_made = branch.objective(model)
        gains = calibrate(TEST, probe, hand_made)
        assert gains.hand_made > 0.2 > max(gains.negated, gains.constant), (branch, gains)
        verdict = FastScreen(probe, TEST, hand_made).judge(parse(CANDIDATES[branch.inputs]))
        assert verdict.weight > 0 and verdict.reason != 'not finite', (branch, verdict)
        genome[branch.name], weights[branch.name] = CANDIDATES[branch.inputs], verdict.weight
    usual, _ = run(model, batch, branches)
    install_losses(Trial(1, Role.SEARCH, 0, Genome.from_text(genome), weights), branches, model)
    total, _ = run(model, batch, branches)
    assert total.isfinite() and total != usual
    torch.optim.SGD(model.parameters(), lr=1e-4).step()
    after, _ = run(model, batch, branches)
    assert after.isfinite() and after != total
