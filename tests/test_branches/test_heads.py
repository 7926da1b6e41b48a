"""Every head of the libraries: its losses are found, and formulas in their places train like the hand-made ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

pytest.importorskip('mmdet.models', reason='builds models of mmdet', exc_type=ImportError)
pytest.importorskip('mmseg.models', reason='builds models of mmseg', exc_type=ImportError)
pytest.importorskip('mmpose.models', reason='builds models of mmpose', exc_type=ImportError)

from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import PixelData
from mmpose.testing import get_packed_inputs
from mmseg.structures import SegDataSample

from mmautoloss.branches import Branch, build_branches, check_branches, find_losses, late_switch
from mmautoloss.engine.config.losses import with_losses
from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.losses import SearchedLoss, known_loss
from mmautoloss.proxy.capture import _record
from tests.test_branches.classifiers_table import CLASSIFIERS
from tests.test_branches.heads_table import CLASSES, HEADS, Row

pytestmark = pytest.mark.slow

ROWS = HEADS | (CLASSIFIERS if find_spec('mmpretrain') else {})
SEARCHABLE = [name for name, row in ROWS.items() if any(row.losses.values())]
FORMULAS = {
    ('CrossEntropyLoss', 'softmax'): 'ce',
    ('CrossEntropyLoss', 'sigmoid'): 'bce',
    ('CrossEntropyLoss', 'mask'): 'bce',
    ('FocalLoss', 'sigmoid'): 'focal',
    ('QualityFocalLoss', 'quality'): 'qfl',
    ('VarifocalLoss', 'quality'): 'vfl',
    ('GaussianFocalLoss', 'peak'): 'peak_focal',
    ('FocalHeatmapLoss', 'peak'): 'peak_focal',
    ('KLDiscretLoss', 'bins'): 'kl',
    ('L1Loss', 'delta'): 'l1',
    ('SmoothL1Loss', 'delta'): 'smooth_l1',
    ('GIoULoss', 'area'): 'giou',
    ('MSELoss', 'delta'): 'mse',
    ('TripletLoss', 'triplet'): 'triplet',
    ('KeypointMSELoss', 'heatmap'): 'mse',
}
SMOOTH = '-({rest} * y + {eps} * mean_c(y)) * log(p)'
"""mmpretrain's ``LabelSmoothLoss``: a mean over the classes of what sums up to 1 is 1 / C."""
SMOOTH_LABELS = '-(({rest} * y + {eps}) * log(p) + (1 - {eps} - {rest} * y) * log(1 - p))'
ABOVE = '(0.5 * (p - 0.05 + abs(p - 0.05)))'
ASYMMETRIC = f'-(y * log(p) + (1 - y) * ({ABOVE} ** 2) ** 2 * log(1 - {ABOVE}))'
"""mmpretrain's ``AsymmetricLoss`` by default."""
LOG_IOU = '-log(i / u)'
"""mmdet's ``IoULoss`` by default."""
SQUARED_IOU = '1 - (i / u) ** 2'
SMOOTH_L1 = '{m} * (abs(p - y) - 0.5 * {m}) / {beta}'
LEAST = '(0.5 * (abs(p - y) + {beta} - abs(abs(p - y) - {beta})))'
"""The smaller of error and bend."""

Batch = dict[str, Any]


def detection_batch(full: tuple[bool, bool], classes: int) -> Batch:
    objects = [3 if given else 0 for given in full]
    return demo_mm_inputs(2, (3, 128, 128), num_items=objects, num_classes=classes, with_mask=True)


def segmentation_batch(full: tuple[bool, bool], classes: int) -> Batch:
    samples = []
    for given in full:
        labels = torch.randint(classes, (1, 64, 64)) if given else torch.full((1, 64, 64), 255)
        sample = SegDataSample(metainfo={'img_shape': (64, 64), 'ori_shape': (64, 64)})
        sample.gt_sem_seg = PixelData(data=labels)
        samples.append(sample)
    return {'inputs': [torch.randint(256, (3, 64, 64), dtype=torch.uint8) for _ in full], 'data_samples': samples}


def pose_batch(full: tuple[bool, bool], classes: int) -> Batch:
    batch = get_packed_inputs(2, img_shape=(64, 64), input_size=(64, 64), heatmap_size=(16, 16))
    for sample, given in zip(batch['data_samples'], full, strict=True):
        sample.gt_instance_labels.keypoint_weights[:] = float(given)
    return batch


def distribution_batch(full: tuple[bool, bool], ratio: float) -> Batch:
    size = (192, 256)
    batch = get_packed_inputs(
        2, img_shape=size[::-1], input_size=size, with_heatmap=False, with_simcc_label=True, simcc_split_ratio=ratio
    )
    for sample, given in zip(batch['data_samples'], full, strict=True):
        sample.gt_instance_labels.keypoint_weights[:] = float(given)
    return batch


def classification_batch(full: tuple[bool, bool], classes: int) -> Batch:
    from mmpretrain.structures import DataSample

    samples = [DataSample().set_gt_label([n, 3] if given else []) for n, given in enumerate(full)]
    return {'inputs': [torch.randint(256, (3, 64, 64), dtype=torch.uint8) for _ in full], 'data_samples': samples}


def identities_batch(full: tuple[bool, bool]) -> Batch:
    """Eight images as mmdet's sampler of triplets draws them, where not all is full of one identity."""
    from mmdet.structures import ReIDDataSample

    labels = np.arange(8) // 2 if all(full) else np.ones(8, dtype=np.int64)
    images = torch.randint(256, (8, 3, 64, 64), dtype=torch.uint8)
    return {'inputs': [images], 'data_samples': [ReIDDataSample().set_gt_label(labels)]}


def exclusive(batch: Batch, tasks: Sequence[str] = ()) -> Batch:
    """The batch with one label an image, or one for each task."""
    from mmpretrain.structures import MultiTaskDataSample

    for n, sample in enumerate(batch['data_samples']):
        sample.set_gt_label(2 * n)
        if tasks:
            batch['data_samples'][n] = MultiTaskDataSample()
            for task in tasks:
                batch['data_samples'][n].set_field(sample.clone(), task)
    return batch


BATCHES: dict[str, Callable[[tuple[bool, bool], int], Batch]] = {
    'mmdet': detection_batch,
    'mmseg': segmentation_batch,
    'mmpose': pose_batch,
    'mmpretrain': classification_batch,
}


def make_batch(row: Row, cfg: Config, full: tuple[bool, bool] = (True, True)) -> Batch:
    """Two images; an image that is not full has no objects, labels or keypoints."""
    torch.manual_seed(0)
    if 'simcc_split_ratio' in cfg.model.get('head', {}):
        return distribution_batch(full, cfg.model.head.simcc_split_ratio)
    if cfg.model.type == 'BaseReID':
        return identities_batch(full)
    classes = cfg.model.get('decode_head', {}) if isinstance(cfg.model.get('decode_head'), Mapping) else {}
    batch = BATCHES[row.library](full, classes.get('num_classes', CLASSES))
    if row.library == 'mmdet' and 'loss_mask' not in repr(cfg.model) and 'mask_head' not in cfg.model:
        for sample in batch['data_samples']:
            sample.gt_instances.pop('masks', None)
    many = row.library != 'mmpretrain' or ('MultiLabel' in cfg.model.head.type and 'augments' not in repr(cfg.model))
    return batch if many else exclusive(batch, cfg.model.head.get('task_heads', ()))


def build(cfg: Config) -> nn.Module:
    torch.manual_seed(1)
    MessageHub.get_current_instance().update_info('epoch', 0)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(deepcopy(cfg.model))
    for loss in find_losses(model):
        if switch := late_switch(model, loss.path):
            setattr(*switch, True)  # as a hook does in the last epochs
    return model.train()


def formula(loss: nn.Module, inputs: str) -> str:
    """What a hand-made loss computes."""
    kind = type(loss).__name__
    if kind == 'IoULoss' and loss.mode == 'square':
        return SQUARED_IOU
    if kind == 'SmoothL1Loss' and getattr(loss, 'beta', 1) != 1:
        return SMOOTH_L1.format(m=LEAST.format(beta=loss.beta), beta=loss.beta)
    if kind == 'IoULoss':
        return LOG_IOU
    if kind == 'DiceLoss':
        return known_loss('naive_instance_dice' if loss.naive_dice else 'instance_dice', inputs)
    if kind == 'DistributionFocalLoss':
        return '-y * log(p)'
    if kind == 'LabelSmoothLoss':
        rest = 1 - loss._eps * (2 if loss.mode == 'multi_label' else 1)
        return (SMOOTH_LABELS if loss.mode == 'multi_label' else SMOOTH).format(rest=rest, eps=loss._eps)
    if kind == 'AsymmetricLoss':
        return ASYMMETRIC
    return known_loss(FORMULAS[kind, inputs], inputs)


def searched_config(row: Row, model: nn.Module, branches: tuple[Branch, ...]) -> Config:
    """The row's config with the formula of each hand-made loss in its place."""
    genome, weights = {}, {}
    for branch in branches:
        loss = branch.loss(model)
        genome[branch.name] = formula(loss, branch.inputs)
        weights[branch.name] = getattr(loss, 'loss_weight', 1.0) * row.scale.get(branch.name, 1.0)
    return with_losses(row.model_config(), branches, Genome.from_text(genome), weights)


def listen(loss: nn.Module, heard: list[Tensor], one_by_one: list[Tensor]) -> torch.utils.hooks.RemovableHandle:
    def hear(module: nn.Module, args: Any, kwargs: dict[str, Any], value: Tensor) -> None:
        group = one_by_one if kwargs.get('reduction_override') == 'none' else heard
        if value.requires_grad:  # OHEM draws its pixels by others
            group.append(value.detach().clone())  # mmseg adds losses of one name in place

    return loss.register_forward_hook(hear, with_kwargs=True)


def run(model: nn.Module, batch: Batch, branches: tuple[Branch, ...]) -> tuple[Tensor, dict[str, list[Tensor]]]:
    """One training pass: the total loss, and by branch what its calls gave."""
    torch.manual_seed(2)
    np.random.seed(2)
    calls: dict[str, list[Tensor]] = {branch.name: [] for branch in branches}
    one_by_one: dict[str, list[Tensor]] = {branch.name: [] for branch in branches}
    handles = [listen(branch.loss(model), calls[branch.name], one_by_one[branch.name]) for branch in branches]
    losses = model(**model.data_preprocessor(deepcopy(batch), True), mode='loss')
    for handle in handles:
        handle.remove()
    model.zero_grad()
    total, _ = model.parse_losses(losses)
    total.backward()
    return total.detach(), {name: values or one_by_one[name] for name, values in calls.items()}


@pytest.fixture(params=SEARCHABLE)
def row(request: pytest.FixtureRequest) -> Row:
    return ROWS[request.param]


@pytest.mark.parametrize('name', ROWS)
def test_losses_are_found_with_names_and_kinds(name: str) -> None:
    found = find_losses(build(ROWS[name].model_config()))
    assert {loss.name: loss.inputs for loss in found} == dict(ROWS[name].losses)
    assert all(bool(loss.reason) == (loss.inputs is None) for loss in found)


def test_formulas_train_like_hand_made_losses(row: Row) -> None:
    cfg = row.model_config()
    hand_made = build(cfg)
    branches = build_branches('all', lambda: hand_made)
    model = build(searched_config(row, hand_made, branches))
    assert all(isinstance(branch.loss(model), SearchedLoss) for branch in branches)
    check_branches(model, branches)
    model.load_state_dict(hand_made.state_dict())
    batch = make_batch(row, cfg)
    wanted, reference = run(hand_made, batch, branches)
    found, calls = run(model, batch, branches)
    for name, values in reference.items():
        assert values, name
        assert sum(value.sum() for value in values) > 0, name
        for value, same in zip(calls[name], values, strict=True):
            torch.testing.assert_close(value.sum(), same.sum(), rtol=1e-4, atol=1e-6, msg=name)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)
    gradients = dict(hand_made.named_parameters())
    for name, parameter in model.named_parameters():
        if parameter.grad is not None or gradients[name].grad is not None:
            same = gradients[name].grad  # of thousands in a head that sums
            size = max(1.0, float(same.abs().max()))
            torch.testing.assert_close(parameter.grad, same, rtol=1e-3, atol=1e-5 * size, msg=name)
    for branch in branches:
        assert any(p.grad is not None and p.grad.any() for p in branch.head(model).parameters()), branch.name
    torch.optim.SGD(model.parameters(), lr=1e-4).step()
    after, _ = run(model, batch, branches)
    assert after.isfinite() and after != found


@pytest.mark.parametrize('full', [(True, False), (False, False)], ids=['one image is empty', 'all images are empty'])
def test_images_without_anything_do_not_disturb(row: Row, full: tuple[bool, bool]) -> None:
    cfg = row.model_config()
    model = build(cfg)
    branches = build_branches('all', lambda: model)
    model = build(searched_config(row, model, branches))
    total, calls = run(model, make_batch(row, cfg, full), branches)
    assert total.isfinite()
    assert all(value.isfinite().all() for values in calls.values() for value in values)
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_calls_of_several_levels_can_be_joined(row: Row) -> None:
    """One call with all that the levels of a pyramid are called with gives the sum of their losses."""
    cfg = row.model_config()
    model = build(cfg)
    branches = build_branches('all', lambda: model)
    batch = make_batch(row, cfg)
    torch.manual_seed(2)
    np.random.seed(2)
    state = deepcopy(model.state_dict())
    samples = _record(model, branches, deepcopy(batch))
    model.load_state_dict(state)
    _, calls = run(model, batch, branches)
    for branch in branches:
        wanted = sum(value.sum() for value in calls[branch.name])
        joined = samples[branch.name].loss(branch.objective(model)).sum()
        if 'reduction' in branch.settings or branch.inputs == 'instance':  # values one by one, or of fewer pixels
            assert joined > 0
            continue
        if type(branch.loss(model)).__name__ == 'KLDiscretLoss':  # a sum over two axes, of which one is recorded
            assert 0 < joined < wanted
            continue
        torch.testing.assert_close(joined, wanted.detach(), rtol=1e-4, atol=1e-6, msg=branch.name)
        assert len(samples[branch.name].rows(branch.kind).pred), branch.name


def test_losses_of_a_teacher_are_none_of_the_model() -> None:
    """They are never called."""
    model = nn.ModuleDict({'student': build(ROWS['RetinaNet'].model_config())})
    names = [loss.path for loss in find_losses(model)]
    model['teacher'] = build(ROWS['RetinaNet'].model_config())
    assert (
        [loss.path for loss in find_losses(model)]
        == names
        == ['student.bbox_head.loss_cls', 'student.bbox_head.loss_bbox']
    )


UNFIT = [(name, loss) for name, row in ROWS.items() for loss, kind in row.losses.items() if kind is None]


@pytest.mark.parametrize(('name', 'loss'), UNFIT)
def test_losses_that_cannot_be_searched_stop_with_reason_and_remedy(name: str, loss: str) -> None:
    model = build(ROWS[name].model_config())
    found = next(one for one in find_losses(model) if one.name == loss)
    with pytest.raises(SetupError) as error:
        build_branches([found.path], lambda: model)
    assert str(error.value) == f'The loss {found.loss} at {found.path!r} cannot be searched: {found.reason}.'


def test_wrong_kind_of_boxes_names_the_setting_of_the_head() -> None:
    model = build(ROWS['Faster R-CNN'].model_config())
    area = Branch('roi_box', 'roi_head.bbox_head.loss_bbox', 'area')
    with pytest.raises(SetupError, match=r'Set reg_decoded_bbox=True in roi_head\.bbox_head, or inputs="delta"'):
        check_branches(model, (area,))
    cfg = ROWS['Faster R-CNN'].model_config()
    cfg.model.roi_head.bbox_head.update(reg_decoded_bbox=True, loss_bbox={'type': 'GIoULoss'})
    delta = Branch('roi_box', 'roi_head.bbox_head.loss_bbox', 'delta')
    with pytest.raises(SetupError, match=r'Set reg_decoded_bbox=False in roi_head\.bbox_head, or inputs="area"'):
        check_branches(build(cfg), (delta,))


def test_model_without_loss_modules_says_so() -> None:
    """mmdet's SSD calls functions, so there is nothing to replace."""
    with pytest.raises(SetupError, match='No loss of this model can be searched'):
        build_branches('all', nn.Identity)


def test_one_config_for_all_stages_is_refused_before_a_search() -> None:
    row = ROWS['Cascade Mask R-CNN']
    model = build(row.model_config())
    mask = build_branches(['roi_head.mask_head.1.loss_mask'], lambda: model)
    genome = Genome.from_text({'mask1': known_loss('bce', 'mask')})
    with pytest.raises(SetupError, match=r"no 'roi_head\.mask_head\.1\.loss_mask' \(branch 'mask1'\)"):
        with_losses(row._replace(stages={}).model_config(), mask, genome, {'mask1': 1.0})


def test_a_triplet_loss_may_also_be_searched_by_pairs() -> None:
    row = ROWS['ReID']
    model = build(row.model_config())
    (branch,) = build_branches({'triplet': {'path': 'head.loss_triplet', 'inputs': 'pairs'}}, lambda: model)
    branch.install(model, SearchedLoss(known_loss('contrastive', 'pairs'), 'pairs'))
    total, calls = run(model, make_batch(row, row.model_config()), (branch,))
    assert total.isfinite() and calls['triplet'][0] > 0
    assert any(p.grad is not None and p.grad.any() for p in model.head.fc_out.parameters())
    softmax = Branch('triplet', 'head.loss_triplet', 'softmax')
    with pytest.raises(SetupError, match='is built for pairs'):
        check_branches(model, (softmax,))
