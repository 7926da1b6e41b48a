"""Heads that ask more of a loss than to be called: ``branches`` says so, and what can be searched builds and trains."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

pytest.importorskip('mmdet.models', reason='builds models of mmdet', exc_type=ImportError)
pytest.importorskip('mmseg.models', reason='builds models of mmseg', exc_type=ImportError)
pytest.importorskip('mmpose.models', reason='builds models of mmpose', exc_type=ImportError)

from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmautoloss.__main__ import main
from mmautoloss.branches import Branch, ModelLoss, build_branches, find_losses
from mmautoloss.engine.config.losses import require_buildable, with_losses
from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.losses import SearchedLoss
from mmautoloss.proxy.capture import _join, _record_calls
from mmautoloss.proxy.recorded_probe import make_probe
from tests.test_branches.heads_table import Row

pytestmark = pytest.mark.slow  # thirty models are built

NORM = {'bbox_head.norm_cfg': None}


def row(path: str, changes: dict[str, Any] | None = None, library: str = 'mmdet') -> Row:
    return Row(library, path, {}, changes or {})


def build(config: Config) -> nn.Module:
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope(config.default_scope):
        return MODELS.build(deepcopy(config.model)).train()


def losses_of(where: Row) -> dict[str, ModelLoss]:
    return {loss.path: loss for loss in find_losses(build(where.model_config()))}


REFUSED = {
    'Dynamic R-CNN': (
        row('dynamic_rcnn/dynamic-rcnn_r50_fpn_1x_coco.py'), 'roi_head.bbox_head.loss_bbox', 'insists on SmoothL1Loss',
    ),
    'FreeAnchor, classes': (row('free_anchor/freeanchor_r50_fpn_1x_coco.py'), 'bbox_head.loss_cls', 'never calls'),
    'FreeAnchor, boxes': (row('free_anchor/freeanchor_r50_fpn_1x_coco.py'), 'bbox_head.loss_bbox', 'one by one'),
    'AutoAssign': (
        row('autoassign/autoassign_r50-caffe_fpn_1x_coco.py', NORM), 'bbox_head.loss_centerness', 'never calls',
    ),
    'RTMDet': (row('rtmdet/rtmdet_tiny_8xb32-300e_coco.py'), 'bbox_head.loss_centerness', 'never calls'),
    'TOOD': (row('tood/tood_r50_fpn_1x_coco.py', NORM), 'bbox_head.loss_centerness', 'never calls'),
    'Grid R-CNN': (row('grid_rcnn/grid-rcnn_r50_fpn_gn-head_2x_coco.py'), 'roi_head.bbox_head.loss_bbox', 'never calls'),
    'Guided Anchoring': (
        row('guided_anchoring/ga-retinanet_r50-caffe_fpn_1x_coco.py'), 'bbox_head.loss_loc', 'samples by the name',
    ),
    'TOOD, later epochs': (row('tood/tood_r50_fpn_1x_coco.py', NORM), 'bbox_head.loss_cls', 'set initial_epoch=0'),
    'CenterNet': (
        row('centernet/centernet-update_r50-caffe_fpn_ms-1x_coco.py', NORM), 'bbox_head.loss_cls', 'with indices',
    ),
    'Seesaw': (
        row('seesaw_loss/mask-rcnn_r50_fpn_seesaw-loss_random-ms-2x_lvis-v1.py'), 'roi_head.bbox_head.loss_cls',
        'sizes the output of its head',
    ),
    'associative embedding': (
        row('body_2d_keypoint/associative_embedding/coco/ae_hrnet-w32_8xb24-300e_coco-512x512.py', library='mmpose'),
        'head.loss_module.tag_loss', 'tags of all pairs',
    ),
    'visibility': (
        row(
            'body_2d_keypoint/topdown_heatmap/coco/td-hm-vis_res50_8xb64-210e_coco-aic-256x192-merge.py',
            {'head.loss': {'type': 'BCELoss', 'use_target_weight': True}}, 'mmpose',
        ),
        'head.loss_module', 'adds a sigmoid',
    ),
}  # fmt: skip


@pytest.mark.parametrize(('where', 'path', 'reason'), REFUSED.values(), ids=REFUSED)
def test_refused(where: Row, path: str, reason: str) -> None:
    found = losses_of(where)
    assert path in found and found[path].inputs is None
    assert reason in found[path].reason


def test_dynamic_rcnn_trains_with_other_losses() -> None:
    """What it does allow to be replaced, is; the rest of the head stays as it was."""
    config = row('dynamic_rcnn/dynamic-rcnn_r50_fpn_1x_coco.py').model_config()
    branches = build_branches('all', lambda: build(config))
    assert 'roi_head.bbox_head.loss_bbox' not in [branch.path for branch in branches]
    texts = {'sigmoid': '(p - y) ** 2', 'softmax': '-y * log(p)', 'delta': 'abs(p - y)'}
    genome = Genome.from_text({branch.name: texts[branch.inputs] for branch in branches})
    model = build(with_losses(config, branches, genome, dict.fromkeys(genome, 1.0)))
    batch = demo_mm_inputs(2, (3, 64, 64), num_items=[2, 2], num_classes=3)
    total, _ = model.parse_losses(model(**model.data_preprocessor(batch, True), mode='loss'))
    assert total.isfinite()


def test_a_config_that_cannot_be_built_is_one_sentence_before_it_is_written(tmp_path: Path) -> None:
    """As of a head that nobody knows of and that insists on its loss."""
    config = row('dynamic_rcnn/dynamic-rcnn_r50_fpn_1x_coco.py').model_config()
    branch = Branch('box', 'roi_head.bbox_head.loss_bbox', 'delta')
    with_losses(config, (branch,), Genome.from_text({'box': 'abs(p - y)'}), {'box': 1.0})
    with pytest.raises(SetupError) as error:
        require_buildable(config, (branch,))
    told = str(error.value)
    assert 'cannot be built with other losses at roi_head.bbox_head.loss_bbox' in told
    assert 'assert isinstance(self.bbox_head.loss_bbox, SmoothL1Loss)' in told and '\n' not in told


@pytest.mark.parametrize('name', ['heatmap', 'displacement'])
def test_losses_in_a_dict_stand_under_their_own_keys(name: str) -> None:
    config = row(
        'body_2d_keypoint/dekr/coco/dekr_hrnet-w32_8xb10-140e_coco-512x512.py', library='mmpose'
    ).model_config()
    branch = Branch(name, f'head.loss_module.{name}', 'heatmap')
    with_losses(config, (branch,), Genome.from_text({name: '(p - y) ** 2'}), {name: 1.0})
    assert isinstance(branch.loss(build(config)), SearchedLoss)
    assert isinstance(branch.head(build(config)), MODELS.get('mmpose.DEKRHead'))


def test_points_of_maps_train_and_are_judged() -> None:
    branch, head = Branch('point', 'decode_head.loss_decode', 'softmax'), nn.Module()
    call = {'cls_score': torch.randn(2, 4, 50), 'label': torch.randint(4, (2, 50)), 'ignore_index': 255}
    sample = _join(branch, [call])
    assert sample.pred.shape == (2, 4, 50, 1) and sample.target.shape == (2, 50, 1)
    assert make_probe(head, branch, [sample], []).metric == 'mIoU'
    loss = SearchedLoss('-y * log(p)')
    assert loss(call['cls_score'], call['label'], ignore_index=255) == sample.loss(loss)


WRONG_CALLS = {
    'another shape': ({'pred': torch.zeros(3, 50, 4), 'target': torch.zeros(3, 50, 3)}, 'delta', 'need predictions'),
    'weights that are none': (
        {'pred': torch.zeros(3, 4), 'target': torch.zeros(3, 4), 'weight': [1, 2]}, 'delta', 'not called with two tensors',
    ),
    'another argument': (
        {'output': torch.zeros(1, 2, 3, 3), 'target': torch.zeros(1, 2, 3, 3), 'depth': torch.ones(1, 1, 3, 3)}, 'heatmap',
        'also called with depth',
    ),
}  # fmt: skip


class Own(nn.Module):
    """A loss of a user's, who calls its weights otherwise."""

    def forward(self, scores, labels, importance=None, avg_factor=None):
        return scores.sum()


def test_a_third_argument_by_position_is_the_weight() -> None:
    loss, heard = Own(), []
    _record_calls(loss, heard)
    loss(torch.zeros(3, 2), torch.zeros(3).long(), torch.tensor([0.0, 1.0, 2.0]), avg_factor=3)
    assert _join(Branch('x', 'head.loss_x', 'softmax'), heard).weight.tolist() == [0, 1, 2]


@pytest.mark.parametrize(('call', 'inputs', 'reason'), WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_calls_that_do_not_fit_name_the_loss(call: dict[str, Any], inputs: str, reason: str) -> None:
    branch, head = Branch('x', 'head.loss_x', inputs), nn.Module()
    head.head = nn.Module()
    head.head.bbox_coder = type('Coder', (), {'means': [0.0] * 4, 'stds': [1.0] * 4})()
    head.head.loss_x = nn.Identity()
    with pytest.raises(SetupError, match=f"loss at 'head.loss_x'.*{reason}.*[Ll]eave this branch out"):
        make_probe(head, branch, [_join(branch, [call])], [])


def test_apply_tells_the_weight_of_a_sigmoid_over_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = row('_base_/models/fcn_hr18.py', {'decode_head.loss_decode.use_sigmoid': True}, 'mmseg').model_config()
    config.dump(tmp_path / 'plain.py')
    arguments = ['apply', str(tmp_path / 'plain.py'), 'decode=bce', '-o', str(tmp_path / 'out.py')]
    assert main(arguments) == 0
    told = capsys.readouterr().out
    classes = config.model.decode_head.num_classes
    assert f'averages over its {classes} channels' in told and f'loss_weight {1 / classes:.4g}' in told


UNCALLED = {
    'AutoAssign': row('autoassign/autoassign_r50-caffe_fpn_1x_coco.py', NORM),
    'FreeAnchor': row('free_anchor/freeanchor_r50_fpn_1x_coco.py'),
    'Grid R-CNN': row('grid_rcnn/grid-rcnn_r50_fpn_gn-head_2x_coco.py'),
    'RepPoints': row('reppoints/reppoints-moment_r50_fpn_1x_coco.py'),
    'PISA': row('pisa/faster-rcnn_r50_fpn_pisa_1x_coco.py'),
}


@pytest.mark.parametrize('where', UNCALLED.values(), ids=UNCALLED)
def test_what_is_said_to_be_searchable_is_called(where: Row) -> None:
    """And not for single values alone; a training pass of the model tells."""
    model = build(where.model_config())
    called: set[str] = set()

    def listen(path: str):
        def hear(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
            if kwargs.get('reduction_override') != 'none':
                called.add(path)

        return hear

    found = find_losses(model)
    for loss in found:
        model.get_submodule(loss.path).register_forward_pre_hook(listen(loss.path), with_kwargs=True)
    batch = demo_mm_inputs(2, (3, 128, 128), num_items=[3, 3], num_classes=3, with_mask=True)
    model(**model.data_preprocessor(batch, True), mode='loss')
    assert {loss.path for loss in found if loss.inputs} <= called
