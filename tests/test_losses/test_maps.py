"""Losses of maps (N, C, H, W): semantic segmentation, masks of instances, heat maps."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mmautoloss.errors import SetupError
from mmautoloss.expr import compile_tree, parse
from mmautoloss.losses import SearchedLoss, input_kind, known_loss, plain_loss

CE = '-y * log(p)'
BCE = '-(y * log(p) + (1 - y) * log(1 - p))'
LOOKS_AROUND = ('maxpool(p) * y', 'minpool(y - p)', 'mean_nhw(p) * y', 'mean_c(p * y)', '1 / p + 1 / (maxpool(p) - p)')


def labels(*shape: int, classes: int = 4, ignored: float = 0.3) -> torch.Tensor:
    """Random label maps in which some pixels are 255."""
    target = torch.randint(classes, shape)
    return target.where(torch.rand(shape) > ignored, 255)


def value_and_gradient(loss, pred, *args, **kwargs):
    pred = pred.detach().clone().requires_grad_()
    value = loss(pred, *args, **kwargs)
    return value.detach(), torch.autograd.grad(value.sum(), pred)[0]


def assert_same(one, two):
    torch.testing.assert_close(one[0], two[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(one[1], two[1], rtol=1e-4, atol=1e-7)


def test_cross_entropy_of_label_maps_is_torchs():
    pred, target = torch.randn(3, 4, 5, 6) * 3, labels(3, 5, 6)
    found = value_and_gradient(SearchedLoss(CE), pred, target, ignore_index=255)
    assert_same(found, value_and_gradient(lambda p: F.cross_entropy(p, target, ignore_index=255), pred))


def test_is_mmsegs_cross_entropy_that_averages_over_what_counts():
    losses = pytest.importorskip('mmseg.models.losses')
    pred, target = torch.randn(3, 4, 5, 6) * 3, labels(3, 5, 6)
    theirs = value_and_gradient(losses.CrossEntropyLoss(avg_non_ignore=True), pred, target, ignore_index=255)
    assert_same(value_and_gradient(SearchedLoss(CE), pred, target, ignore_index=255), theirs)


def test_binary_segmentation_reads_label_1_as_the_class():
    pred, target = torch.randn(2, 1, 4, 4), labels(2, 4, 4, classes=2)
    keep = target != 255
    found = SearchedLoss(BCE, use_sigmoid=True)(pred, target, ignore_index=255)
    wanted = F.binary_cross_entropy_with_logits(pred[:, 0][keep], target[keep].float())
    torch.testing.assert_close(found, wanted)


def test_sigmoid_of_label_maps_counts_a_channel_a_class():
    pred, target = torch.randn(2, 3, 4, 4), labels(2, 4, 4, classes=3)
    keep = target != 255
    one_hot = F.one_hot(target[keep], 3).float()
    wanted = F.binary_cross_entropy_with_logits(pred.movedim(1, -1)[keep], one_hot, reduction='none').sum(-1).mean()
    torch.testing.assert_close(SearchedLoss(BCE, use_sigmoid=True)(pred, target, ignore_index=255), wanted)


def test_mask_takes_the_map_of_the_true_class():
    pred, masks, classes = torch.randn(5, 3, 7, 7), (torch.rand(5, 7, 7) > 0.5).float(), torch.tensor([0, 2, 1, 1, 2])

    def reference(p):
        return F.binary_cross_entropy_with_logits(p[range(5), classes], masks)

    assert_same(
        value_and_gradient(SearchedLoss(BCE, 'mask'), pred, masks, classes), value_and_gradient(reference, pred)
    )


def test_points_of_masks_are_masks():
    losses = pytest.importorskip('mmdet.models.losses')
    pred, points, classes = torch.randn(5, 3, 9), (torch.rand(5, 9) > 0.5).float(), torch.tensor([0, 2, 1, 1, 2])
    value, gradient = value_and_gradient(losses.CrossEntropyLoss(use_mask=True), pred, points, classes)
    assert_same(value_and_gradient(SearchedLoss(BCE, 'mask'), pred, points, classes), (value.squeeze(), gradient))


def test_is_mmdets_mask_loss():
    losses = pytest.importorskip('mmdet.models.losses')
    pred, masks, classes = torch.randn(5, 3, 7, 7), (torch.rand(5, 7, 7) > 0.5).float(), torch.tensor([0, 2, 1, 1, 2])
    theirs = value_and_gradient(losses.CrossEntropyLoss(use_mask=True), pred, masks, classes)
    found = value_and_gradient(SearchedLoss(BCE, 'mask'), pred, masks, classes)
    assert_same(found, (theirs[0].squeeze(), theirs[1]))


def test_squared_error_of_heatmaps_is_mmposes_times_the_keypoints():
    losses = pytest.importorskip('mmpose.models.losses')
    pred, target = torch.randn(4, 3, 6, 5), torch.rand(4, 3, 6, 5)
    loss = SearchedLoss('(p - y) ** 2', 'heatmap', loss_weight=1 / 3)
    theirs = losses.KeypointMSELoss(use_target_weight=True)
    ones = torch.ones(4, 3)
    assert_same(value_and_gradient(loss, pred, target, ones), value_and_gradient(theirs, pred, target, ones))


def test_keypoints_of_weight_0_do_not_count():
    pred, target = torch.randn(4, 3, 6, 5), torch.rand(4, 3, 6, 5)
    weight = torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 1, 1], [0, 2, 0]])
    value, gradient = value_and_gradient(SearchedLoss('(p - y) ** 2', 'heatmap'), pred, target, weight)
    error = ((pred - target) ** 2 * weight[:, :, None, None]).sum()
    torch.testing.assert_close(value, error / (4 * 6 * 5))  # also where no keypoint counts, as in mmpose
    assert bool(((gradient != 0).flatten(2).any(dim=2) == (weight != 0)).all())


@pytest.mark.parametrize('expression', LOOKS_AROUND)
@pytest.mark.parametrize('inputs', ['softmax', 'sigmoid'])
def test_what_stands_in_ignored_pixels_changes_nothing(expression, inputs):
    pred, target = torch.randn(2, 4, 6, 6), labels(2, 6, 6)
    other = torch.where((target == 255)[:, None], torch.randn_like(pred) * 50, pred)
    loss = SearchedLoss(expression, inputs)
    one, two = (value_and_gradient(loss, p, target, ignore_index=255) for p in (pred, other))
    assert_same(one, two)
    assert one[1].isfinite().all()
    assert bool((one[1].movedim(1, -1)[target == 255] == 0).all())


@pytest.mark.parametrize('expression', [CE, *LOOKS_AROUND])
def test_ignored_border_is_the_same_as_a_smaller_image(expression):
    """Pools and means over an image whose last columns are ignored are those of the image without them."""
    pred, target = torch.randn(2, 4, 6, 9), labels(2, 6, 9, ignored=0)
    target[..., 5:] = 255
    loss = SearchedLoss(expression)
    value, gradient = value_and_gradient(loss, pred, target, ignore_index=255)
    cut = value_and_gradient(loss, pred[..., :5], target[..., :5])
    assert_same((value, gradient[..., :5]), cut)


@pytest.mark.parametrize('expression', [CE, *LOOKS_AROUND])
def test_image_without_labels_counts_for_nothing(expression):
    pred, target = torch.randn(3, 4, 5, 5), labels(3, 5, 5)
    target[1] = 255
    loss, kept = SearchedLoss(expression), [0, 2]
    value, gradient = value_and_gradient(loss, pred, target, ignore_index=255)
    assert_same((value, gradient[kept]), value_and_gradient(loss, pred[kept], target[kept], ignore_index=255))
    nothing, zero = value_and_gradient(loss, pred, torch.full_like(target, 255), ignore_index=255)
    assert nothing == 0 and bool((zero == 0).all())


def test_weights_of_pixels():
    pred, target = torch.randn(2, 4, 5, 5), labels(2, 5, 5, ignored=0)
    weight = torch.rand(2, 5, 5) * (torch.rand(2, 5, 5) > 0.5)
    found = SearchedLoss(CE)(pred, target, weight)
    wanted = (F.cross_entropy(pred, target, reduction='none') * weight).mean()
    torch.testing.assert_close(found, wanted)


def test_class_weights_are_those_of_cross_entropy():
    """Against imbalance: a rare class counts as much as its factor says."""
    pred, target, factors = torch.randn(3, 4, 5, 6), labels(3, 5, 6), [0.2, 1.0, 5.0, 0.0]
    loss = SearchedLoss(CE, class_weight=factors)
    found = value_and_gradient(loss, pred, target, ignore_index=255)

    def reference(p):
        weight = torch.tensor(factors)
        total = F.cross_entropy(p, target, weight, ignore_index=255, reduction='sum')
        return total / (target != 255).sum()

    assert_same(found, value_and_gradient(reference, pred))
    with pytest.raises(SetupError, match='one factor for each of 4 channels, but got 2'):
        SearchedLoss(CE, class_weight=[1, 2])(pred, target, ignore_index=255)


def test_dice_is_blind_to_the_number_of_pixels_of_a_class():
    """Twice the background, predicted as well, changes nothing: each class is a ratio of its own."""
    pred, target = torch.randn(1, 2, 4, 4), (torch.rand(1, 4, 4) > 0.8).long()
    doubled = SearchedLoss(known_loss('dice', 'softmax'))(torch.cat([pred, pred], 3), torch.cat([target, target], 2))
    torch.testing.assert_close(doubled, SearchedLoss(known_loss('dice', 'softmax'))(pred, target))


def test_without_reduction_a_value_a_pixel():
    pred, target = torch.randn(3, 4, 5, 5), labels(3, 5, 5)
    target[0] = 255
    found = SearchedLoss(CE, reduction='none')(pred, target, ignore_index=255)
    torch.testing.assert_close(found, F.cross_entropy(pred, target, ignore_index=255, reduction='none'))


def test_program_with_everything_valid_is_the_published_one():
    inputs = {'p': torch.rand(2, 3, 5, 5), 'y': torch.rand(2, 3, 5, 5)}
    for text in LOOKS_AROUND:
        program = compile_tree(parse(text))
        valid = torch.ones(2, 1, 5, 5, dtype=torch.bool)
        torch.testing.assert_close(program(inputs, valid), program(inputs))


@pytest.mark.parametrize(('kind', 'channels'), [('softmax', 4), ('sigmoid', 4), ('heatmap', 4), ('mask', 1)])
def test_shrunk_call_is_a_call_of_fewer_pixels(kind, channels):
    pred = torch.randn(3, 4, 40, 60)
    target = {'mask': torch.rand(3, 40, 60), 'heatmap': torch.rand(3, 4, 40, 60)}.get(kind, labels(3, 40, 60))
    weight = {'mask': torch.tensor([3, 1, 0]), 'heatmap': torch.ones(3, 4)}.get(kind)
    small = input_kind(kind).shrink(pred, target, weight, side=20)
    assert small[0].shape == (3, channels, 14, 20) and small[1].shape[-2:] == (14, 20)
    rows = input_kind(kind).rows(*small, 255)
    assert len(rows.pred) == 3
    if kind == 'mask':
        torch.testing.assert_close(rows.pred[0, 0], pred[0, 3, ::3, ::3])


@pytest.mark.parametrize('name', ['mask', 'heatmap'])
def test_no_instances_give_a_zero_of_the_graph(name):
    pred = torch.zeros(0, 3, 4, 4, requires_grad=True)
    target, third = (torch.zeros(0, 4, 4), torch.zeros(0).long()) if name == 'mask' else (pred.detach(), None)
    loss = SearchedLoss('(p - y) ** 2', name)(pred, target, third)
    loss.backward()
    assert loss == 0 and pred.grad.shape == pred.shape


def test_dice_over_what_counts():
    pred, target = torch.randn(2, 4, 6, 6), labels(2, 6, 6)
    keep = (target != 255)[:, None].float()
    p, y = pred.softmax(1) * keep, F.one_hot(target.where(target != 255, 0), 4).movedim(-1, 1) * keep
    sums = [(x).sum((0, 2, 3)) for x in (p * y, p * p, y * y)]
    wanted = (1 - 2 * sums[0] / (sums[1] + sums[2])).sum()
    found = SearchedLoss(known_loss('dice', 'softmax'))(pred, target, ignore_index=255)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize('reduction', ['mean', 'sum', 'none'])
@pytest.mark.parametrize('inputs', ['softmax', 'sigmoid', 'heatmap'])
def test_maps_without_pixels_give_a_zero_that_is_part_of_the_graph(inputs, reduction):
    pred = torch.zeros(2, 3, 0, 5)
    target = torch.zeros(2, 0, 5).long() if inputs == 'softmax' else torch.zeros(2, 3, 0, 5)
    value, gradient = value_and_gradient(SearchedLoss('p * y', inputs, reduction=reduction), pred, target)
    assert value.sum() == 0 and gradient.shape == pred.shape
    shape = (2, 0, 5) if inputs == 'softmax' else pred.shape
    assert value.shape == (shape if reduction == 'none' else ())
    assert plain_loss(parse('p * y'), inputs)(pred, target) == 0
