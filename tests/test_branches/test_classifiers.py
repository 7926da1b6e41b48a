"""What losses of mmpretrain carry besides their formula, and classifiers whose loss stands at the root."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

pytest.importorskip('mmpretrain.models', reason='losses and models of mmpretrain', exc_type=ImportError)

from mmengine.config import Config
from mmpretrain import models as pre
from mmpretrain.models import losses
from mmpretrain.structures import DataSample

from mmautoloss.branches import build_branches, find_losses
from mmautoloss.engine.config.losses import with_losses
from mmautoloss.expr import Genome
from mmautoloss.losses import SearchedLoss
from mmautoloss.proxy.capture import _record

WEIGHTS = [0.5, 5.0]


class Head(nn.Module):
    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss_module = loss


class Model(pre.BaseClassifier):
    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.head = Head(loss)

    def extract_feat(self, inputs: Any, stage: Any = None) -> Any:
        return inputs

    def forward(self, *args: Any) -> Any:
        return args


CARRIED = {
    'nothing': (losses.CrossEntropyLoss(), 'softmax', {}),
    'ones': (losses.CrossEntropyLoss(class_weight=[1.0, 1.0]), 'softmax', {}),
    'softmax': (losses.CrossEntropyLoss(class_weight=WEIGHTS), 'softmax', {'class_weight': WEIGHTS}),
    'no positives of a softmax': (losses.CrossEntropyLoss(pos_weight=WEIGHTS), 'softmax', {}),
    'soft targets': (losses.CrossEntropyLoss(use_soft=True, class_weight=WEIGHTS), 'softmax', {'class_weight': WEIGHTS}),
    'many labels': (
        losses.CrossEntropyLoss(use_sigmoid=True, class_weight=WEIGHTS, pos_weight=[2.0, 3.0]),
        'sigmoid',
        {'class_weight': WEIGHTS, 'pos_weight': [2.0, 3.0]},
    ),
    'label smoothing': (
        losses.LabelSmoothLoss(0.1, num_classes=2, class_weight=WEIGHTS), 'softmax', {'class_weight': WEIGHTS},
    ),
    'focal': (losses.FocalLoss(), 'sigmoid', {}),
    'asymmetric': (losses.AsymmetricLoss(), 'sigmoid', {}),
    'asymmetric, exclusive': (losses.AsymmetricLoss(use_sigmoid=False), 'softmax', {}),
}  # fmt: skip


@pytest.mark.parametrize(('loss', 'inputs', 'settings'), CARRIED.values(), ids=CARRIED)
def test_carried(loss, inputs, settings):
    (found,) = find_losses(Model(loss))
    assert (found.name, found.path, found.config_path) == ('cls', 'head.loss_module', 'head.loss')
    assert (found.inputs, found.settings, found.reason) == (inputs, settings, '')


REFUSED = {
    'seesaw': (losses.SeesawLoss(num_classes=2), 'counts the labels that it has seen'),
    'one factor for all': (losses.CrossEntropyLoss(use_sigmoid=True, pos_weight=2.0), r'pos_weight=2.0 would be lost'),
    'smoothed positives': (
        losses.LabelSmoothLoss(0.1, 2, mode='multi_label', use_sigmoid=True, pos_weight=WEIGHTS), 'weighs smoothed labels',
    ),
    'class weights that are text': (losses.LabelSmoothLoss(0.1, 2, class_weight='file.npy'), 'must be a list of numbers'),
    'features': (losses.CrossCorrelationLoss(), 'compares features'),
}  # fmt: skip


@pytest.mark.parametrize(('loss', 'reason'), REFUSED.values(), ids=REFUSED)
def test_refused_with_a_reason(loss, reason):
    (found,) = find_losses(Model(loss))
    assert found.inputs is None and reason in found.reason


class Root(pre.TimmClassifier):
    """mmpretrain's classifier for models of timm, without timm."""

    def __init__(self, loss: Any = None) -> None:
        super(pre.TimmClassifier, self).__init__(data_preprocessor={'type': 'mmpretrain.ClsDataPreprocessor'})
        self.model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 3))
        self.loss_module = losses.CrossEntropyLoss() if loss is None else loss


def test_loss_at_the_root():
    model = Root()
    (branch,) = build_branches('all', lambda: model)
    assert (branch.name, branch.path, branch.config_path) == ('cls', 'loss_module', 'loss')
    cfg = Config({'model': {'type': Root, 'loss': {'type': 'CrossEntropyLoss'}}, 'default_scope': 'mmpretrain'})
    found = with_losses(cfg, (branch,), Genome.from_text({'cls': '-y * log(p)'}), {'cls': 1.0})
    assert found.model.loss == branch.config('-y * log(p)', 1.0)
    batch = {
        'inputs': [torch.randint(256, (3, 4, 4), dtype=torch.uint8) for _ in range(5)],
        'data_samples': [DataSample().set_gt_label(n % 3) for n in range(5)],
    }
    data = model.data_preprocessor(batch, True)
    wanted = model(**data, mode='loss')['loss']
    branch.install(model, SearchedLoss('-y * log(p)'))
    assert isinstance(model.loss_module, SearchedLoss)
    torch.testing.assert_close(model(**data, mode='loss')['loss'], wanted)
    assert _record(model, (branch,), batch)['cls'].pred.shape == (5, 3)
