"""Kinds of input: which rows count, and what a graph reads of them."""

from __future__ import annotations

import pytest
import torch

from mmautoloss.errors import SetupError
from mmautoloss.losses import INPUT_KINDS, SearchedLoss, input_kind

NAN = float('nan')


def column(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers).view(-1, 1, 1, 1)


def test_names_say_what_depends_on_what():
    names = [
        *('softmax', 'sigmoid', 'mask', 'heatmap', 'delta', 'area', 'bins', 'quality', 'instance', 'peak', 'keypoint'),
        *('triplet', 'pairs', 'cosine', 'direction', 'motion'),
    ]
    assert list(INPUT_KINDS) == names
    for name, kind in INPUT_KINDS.items():
        assert input_kind(name) is kind
        assert kind.name == name
        assert kind.from_prediction | kind.from_target == set(kind.names)
        assert kind.regression == (name in ('delta', 'area', 'keypoint', 'direction', 'motion'))
        assert kind.spread > 0
    with pytest.raises(SetupError, match=f"one of {', '.join(names)}, but got 'iou'"):
        input_kind('iou')


def test_softmax_tensors():
    tensors = input_kind('softmax').tensors(torch.zeros(2, 4), torch.tensor([3, 0]))
    assert tensors['p'].shape == tensors['y'].shape == (2, 4, 1, 1)
    assert tensors['p'].flatten().tolist() == [0.25] * 8
    assert tensors['y'].flatten().tolist() == [0, 0, 0, 1, 1, 0, 0, 0]


def test_softmax_rows_have_a_class_and_a_weight():
    target = torch.tensor([0, 2, 3, -1, 1, 255])
    rows = input_kind('softmax').rows(torch.randn(6, 3), target, None, None)
    assert rows.index.tolist() == [0, 1, 4]  # 3, -1 and 255 are no class
    assert rows.weight is None
    weight = torch.tensor([0.0, 2, 1, 1, 3, 1])
    rows = input_kind('softmax').rows(torch.randn(6, 3), target, weight, 2)
    assert rows.index.tolist() == [4]
    assert torch.equal(rows.weight, column(3))


def test_softmax_takes_narrow_integers():
    target = torch.tensor([1, 0], dtype=torch.uint8)
    assert input_kind('softmax').tensors(torch.zeros(2, 2), target)['y'].flatten().tolist() == [
        *(0, 1),
        *(1, 0),
    ]


def test_sigmoid_reads_labels_with_background_last():
    kind = input_kind('sigmoid')
    rows = kind.rows(torch.zeros(4, 2), torch.tensor([0, 1, 2, -1]), None, None)
    assert rows.index.tolist() == [0, 1, 2]
    tensors = kind.tensors(rows.pred, rows.target)
    assert tensors['y'].flatten(1).tolist() == [[1, 0], [0, 1], [0, 0]]
    assert tensors['p'].flatten().tolist() == [0.5] * 6


def test_sigmoid_of_an_rpn_takes_0_as_foreground():
    rows = input_kind('sigmoid').rows(torch.zeros(3, 1), torch.tensor([0, 1, 0]), None, None)
    assert rows.target.tolist() == [[1], [0], [1]]


def test_sigmoid_takes_targets_of_elements():
    target = torch.tensor([[0.3, 1.0], [0.0, 0.5]])
    weight = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    rows = input_kind('sigmoid').rows(torch.zeros(2, 2), target, weight, None)
    assert rows.index.tolist() == [0]
    assert torch.equal(rows.target, target[:1])
    assert torch.equal(rows.weight, weight[:1, :, None, None])


def test_delta_tensors_are_the_values_themselves():
    kind, pred, target = input_kind('delta'), torch.randn(3, 4), torch.randn(3, 4).double()
    tensors = kind.tensors(pred, target)
    assert torch.equal(tensors['p'], pred[:, :, None, None])
    assert torch.equal(tensors['y'], target.float()[:, :, None, None])
    rows = kind.rows(pred, target, torch.tensor([0.0, 1, 0]), None)
    assert rows.index.tolist() == [1]


@pytest.mark.parametrize('weighted', ['not', 'each point', 'each value'])
@pytest.mark.parametrize('shape', [(5, 7, 3), (5, 3, 4, 6)], ids=['points', 'maps'])
def test_points_and_maps_of_values_are_rows(shape: tuple[int, ...], weighted: str) -> None:
    """The loss and its gradient are those of the values one by one."""
    torch.manual_seed(0)
    pred, target = torch.randn(shape, requires_grad=True), torch.randn(shape)
    of_points = (*shape[:2], 1) if len(shape) == 3 else (shape[0], 1, *shape[2:])
    weight = {'not': None, 'each point': torch.rand(of_points).round(), 'each value': torch.rand(shape).round()}[
        weighted
    ]
    found = SearchedLoss('(p - y) ** 2', 'delta')(pred, target, weight)
    wanted = ((pred - target) ** 2 * (1 if weight is None else weight)).mean() * 3
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(*(torch.autograd.grad(value, pred)[0] for value in (found, wanted)))
    norm = SearchedLoss('sqrt(3 * mean_c((p - y) ** 2)) / 3', 'delta')(pred, target)
    torch.testing.assert_close(norm, (pred - target).norm(dim=-1 if len(shape) == 3 else 1).mean())


def test_single_numbers_are_rows_of_one_value() -> None:
    loss = SearchedLoss('abs(p - y)', 'delta', reduction='none')
    assert loss(torch.tensor([1.0, 2.0]), torch.zeros(2), torch.tensor([1.0, 0.0])).tolist() == [1, 0]
    points = torch.randn(2, 5, 2)
    torch.testing.assert_close(loss(points, points + 1), torch.ones(2, 5, 2))


def test_area_tensors_are_relative_to_the_target():
    pred = torch.tensor([[0.0, 0, 10, 10], [0, 0, 2, 2], [5, 5, 6, 6]])
    target = torch.tensor([[5.0, 0, 15, 20], [4, 4, 6, 6], [5, 5, 6, 6]])
    tensors = input_kind('area').tensors(pred, target)
    torch.testing.assert_close(tensors['i'], column(50, 0, 200) / column(200, 4, 200))
    torch.testing.assert_close(tensors['u'], column(250, 8, 1) / column(200, 4, 1))
    torch.testing.assert_close(tensors['e'], column(300, 36, 1) / column(200, 4, 1))


def test_area_weights_are_means_of_four():
    boxes = torch.tensor([[0.0, 0, 1, 1]]).repeat(3, 1)
    weight = torch.tensor([[1.0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 1, 1]])
    rows = input_kind('area').rows(boxes, boxes, weight, None)
    assert rows.index.tolist() == [0, 2]
    assert torch.equal(rows.weight, column(1, 0.5))


def test_unit_is_the_side_of_the_target_box():
    target = torch.tensor([[0.0, 0, 10, 20], [0, 0, 0, 0]])
    assert input_kind('area').unit(target, target).tolist() == [[10, 20, 10, 20], [1, 1, 1, 1]]
    for name in ('softmax', 'sigmoid', 'delta'):
        assert input_kind(name).unit(torch.randn(2, 4), target).item() == 1


@pytest.mark.parametrize('name', [name for name in INPUT_KINDS if name not in ('mask', 'heatmap', 'peak')])
def test_no_rows_give_tensors_without_rows(name):
    pred = torch.zeros(0, 4)
    labels = name in ('softmax', 'triplet', 'pairs', 'cosine')
    target = torch.zeros(0, dtype=torch.long) if labels else torch.zeros(0, 4 + (name == 'quality'))
    rows = input_kind(name).rows(pred, target, None, None)
    tensors = input_kind(name).tensors(rows.pred, rows.target)
    shape = (0, input_kind(name).channels(pred), 1, 1)
    assert shape[1] == {'area': 1, 'triplet': 1, 'pairs': 0}.get(name, 4)
    assert {tuple(tensor.shape) for tensor in tensors.values()} == {shape}


LABELS = torch.zeros(3, dtype=torch.long)
MISFITS = {
    'softmax, a map of another size': ('softmax', torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 5), None),
    'softmax, targets of pixels': ('softmax', torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4), None),
    'sigmoid, a map of another size': ('sigmoid', torch.zeros(2, 1, 4, 4), torch.zeros(2, 5, 4), None),
    'mask, without classes': ('mask', torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4), None),
    'mask, of semantic segmentation': ('mask', torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4), torch.ones(2, 4, 4)),
    'heatmap, coordinates': ('heatmap', torch.zeros(2, 14, 2), torch.zeros(2, 14, 2), None),
    'heatmap, other weights': ('heatmap', torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4), torch.ones(2)),
    'softmax, other number of labels': ('softmax', torch.zeros(2, 3), LABELS, None),
    'softmax, targets of other classes': ('softmax', torch.zeros(3, 3), torch.zeros(3, 4), None),
    'softmax, no channels': ('softmax', torch.zeros(3), LABELS, None),
    'softmax, weights of elements': ('softmax', torch.zeros(3, 2), LABELS, torch.ones(3, 2)),
    'sigmoid, other number of labels': ('sigmoid', torch.zeros(2, 3), LABELS, None),
    'sigmoid, other channels': ('sigmoid', torch.zeros(3, 2), torch.zeros(3, 4), None),
    'cosine, other classes': ('cosine', torch.zeros(3, 4), torch.zeros(3, 5), None),
    'triplet, distances': ('triplet', torch.zeros(3, 4), torch.zeros(3), None),
    'triplet, other number of identities': ('triplet', torch.zeros(2, 4), LABELS, None),
    'delta, labels': ('delta', torch.zeros(3, 4), LABELS, None),
    'delta, other channels': ('delta', torch.zeros(3, 80), torch.zeros(3, 4), None),
}


@pytest.mark.parametrize(('name', 'pred', 'target', 'weight'), MISFITS.values(), ids=MISFITS)
def test_shapes_that_do_not_fit(name, pred, target, weight):
    with pytest.raises(SetupError, match=f'Inputs "{name}" need') as caught:
        input_kind(name).rows(pred, target, weight, None)
    unfit = weight if weight is not None and name == 'softmax' else pred
    assert str(tuple(unfit.shape)) in str(caught.value)


@pytest.mark.parametrize(
    ('pred', 'target', 'got'),
    [
        (torch.zeros(3, 80), torch.zeros(3, 4), r'prediction \(3, 80\) and target \(3, 4\)'),
        (torch.zeros(3, 5), torch.zeros(3, 5), r'prediction \(3, 5\)'),
        (torch.zeros(3, 4), torch.tensor([[0.0, 0, 9, 9], [0.1, 0.2, -0.3, 0.1], [0] * 4]),
         r'the target \[0.1\d*, 0.2\d*, -0.3\d*, 0.1\d*\]'),
    ],
    ids=['boxes of many classes', 'rotated boxes', 'box deltas'],
)  # fmt: skip
def test_area_of_what_is_no_box_tells_the_remedy(pred, target, got):
    with pytest.raises(SetupError, match=f'{got}.*Set reg_decoded_bbox=True in this head'):
        input_kind('area').rows(pred, target, None, None)


def test_area_does_not_look_at_rows_without_weight():
    target = torch.tensor([[0.0, 0, 9, 9], [0.1, 0.2, -0.3, 0.1], [NAN] * 4])
    rows = input_kind('area').rows(torch.zeros(3, 4), target, torch.tensor([1.0, 0, 0]), None)
    assert rows.index.tolist() == [0]
