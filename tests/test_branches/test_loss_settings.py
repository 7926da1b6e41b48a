"""What a hand-made loss carries besides its formula goes on, or the loss is refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from mmautoloss.branches import Branch, build_branches, find_losses
from mmautoloss.errors import SetupError
from mmautoloss.expr import parse
from mmautoloss.losses import SearchedLoss, plain_loss

det = pytest.importorskip('mmdet.models.losses', exc_type=ImportError)
seg = pytest.importorskip('mmseg.models.losses', exc_type=ImportError)
pose = pytest.importorskip('mmpose.models.losses', exc_type=ImportError)
heatmap_losses = pytest.importorskip('mmpose.models.losses.heatmap_loss', exc_type=ImportError)

WEIGHTS = [0.5, 5.0]


class Head(nn.Module):
    """A head of two classes with one loss."""

    def __init__(self, loss: nn.Module, **attributes: Any) -> None:
        super().__init__()
        self.num_classes = 2
        self.loss_decode = loss
        for name, value in attributes.items():
            setattr(self, name, value)


class Model(nn.Module):
    def __init__(self, loss: nn.Module, **attributes: Any) -> None:
        super().__init__()
        self.decode_head = Head(loss, **attributes)


class Own(nn.Module):
    """A loss of a user's."""

    def __init__(self, class_weight=None, loss_name='loss_own', **attributes: Any) -> None:
        super().__init__()
        self.use_sigmoid, self.class_weight, self.loss_name = False, class_weight, loss_name
        vars(self).update(attributes)


def judge(loss: nn.Module, **attributes: Any) -> Any:
    (found,) = find_losses(Model(loss, **attributes))
    return found


CARRIED = {
    'nothing': (seg.CrossEntropyLoss(), {}),
    'what is the default anyway': (seg.CrossEntropyLoss(avg_non_ignore=True, class_weight=[1.0, 1.0]), {}),
    'softmax of maps': (seg.CrossEntropyLoss(class_weight=WEIGHTS), {'class_weight': WEIGHTS, 'average': 'class_weight'}),
    'binary maps': (seg.CrossEntropyLoss(use_sigmoid=True, class_weight=[3.0]), {'pos_weight': [3.0]}),
    'focal loss of maps': (seg.FocalLoss(class_weight=WEIGHTS), {'class_weight': WEIGHTS}),
    'overlap': (seg.TverskyLoss(class_weight=WEIGHTS), {'class_weight': WEIGHTS}),
    'Lovasz': (seg.LovaszLoss(reduction='none', class_weight=WEIGHTS), {'class_weight': WEIGHTS}),
    'OHEM': (seg.OhemCrossEntropy(class_weight=WEIGHTS), {'class_weight': WEIGHTS}),
    'softmax of RoIs': (det.CrossEntropyLoss(class_weight=WEIGHTS), {'class_weight': WEIGHTS}),
    'sigmoid of anchors': (det.CrossEntropyLoss(use_sigmoid=True, class_weight=WEIGHTS), {'pos_weight': WEIGHTS}),
    'a label that is ignored, which some heads do not pass': (seg.OhemCrossEntropy(ignore_label=0), {'ignore_index': 0}),
    'a label that is ignored': (det.CrossEntropyLoss(ignore_index=7), {'ignore_index': 7}),
    'a name in logs': (seg.DiceLoss(loss_name='loss_cls_ce'), {'loss_name': 'loss_cls_ce'}),
    'weights that do not count': (pose.AdaptiveWingLoss(), {'use_target_weight': False}),
    'weights that count': (pose.AdaptiveWingLoss(use_target_weight=True), {}),
    'weights that count whatever it says': (pose.KeypointMSELoss(use_target_weight=False), {}),
    'values one by one': (det.CrossEntropyLoss(reduction='none'), {'reduction': 'none'}),
    'probabilities': (det.FocalLoss(activated=True), {'activated': True}),
    'dice of probabilities of instances': (det.DiceLoss(activate=False), {'activated': True}),
    'binary cross-entropy of probabilities': (pose.BCELoss(True, use_sigmoid=True), {'activated': True}),
    'heat maps of probabilities': (heatmap_losses.FocalHeatmapLoss(), {'activated': True}),
    'of a searched loss of probabilities': (
        SearchedLoss('p - y', 'sigmoid', activated=True, reduction='none'), {'activated': True, 'reduction': 'none'},
    ),
    'of a loss of the user': (Own(torch.tensor(WEIGHTS), 'loss_mine'), {'class_weight': WEIGHTS, 'loss_name': 'loss_mine'}),
    'of a searched loss': (
        SearchedLoss('-y * log(p)', class_weight=WEIGHTS, average='class_weight', loss_name='loss_x', ignore_index=3),
        {'ignore_index': 3, 'class_weight': WEIGHTS, 'average': 'class_weight', 'loss_name': 'loss_x'},
    ),
    'of a searched loss at its defaults': (SearchedLoss('-y * log(p)'), {}),
}  # fmt: skip


@pytest.mark.parametrize(('loss', 'settings'), CARRIED.values(), ids=CARRIED)
def test_carried(loss, settings):
    found = judge(loss)
    assert found.settings == settings
    (branch,) = build_branches('all', lambda: Model(loss))
    built = SearchedLoss(**{key: value for key, value in branch.config('p - y', 1.0).items() if key != 'type'})
    for key, value in settings.items():
        assert getattr(built if hasattr(built, key) else built.counts, key) == value


def test_explicit_branches_carry_as_well():
    model = Model(seg.CrossEntropyLoss(class_weight=WEIGHTS))
    branches = {'x': {'path': 'decode_head.loss_decode', 'inputs': 'softmax'}}
    (branch,) = build_branches(branches, lambda: model)
    assert branch.settings['class_weight'] == WEIGHTS


def test_class_weights_of_a_file(tmp_path):
    (tmp_path / 'weights.json').write_text('[0.5, 5.0]')
    found = judge(seg.CrossEntropyLoss(class_weight=str(tmp_path / 'weights.json')))
    assert found.settings['class_weight'] == WEIGHTS


REFUSED = {
    'several weights': (
        Own(loss_weight=[1.0, 2.0]),
        {},
        r'loss_weight must be one finite number, but is \[1.0, 2.0\]',
    ),
    'weights of its library': (det.CrossEntropyLoss(loss_weight=[1.0, 2.0]), {}, 'loss_weight must be one finite'),
    'class weights of masks': (det.CrossEntropyLoss(use_mask=True, class_weight=[2.0]), {}, 'leave it out'),
    'class weights that are text': (
        seg.OhemCrossEntropy(class_weight='file.npy'),
        {},
        "list of numbers, but is 'file",
    ),
    'another ignored label': (seg.DiceLoss(ignore_index=0), {'ignore_index': 255}, 'ignores the label 0, .* head 255'),
    'OHEM with another label': (seg.OhemCrossEntropy(ignore_label=0), {'ignore_index': 255}, 'ignores the label 0'),
    'a name that trains nothing': (seg.DiceLoss(loss_name='dice'), {}, '\'dice\' does not contain "loss"'),
    'Seesaw': (det.SeesawLoss(num_classes=2), {}, 'sizes the output of its head'),
    'custom channels': (det.CrossEntropyCustomLoss(num_classes=2), {}, 'sizes the output of its head'),
    'alpha by class': (seg.FocalLoss(alpha=[0.3, 0.7]), {}, 'alpha is one of each class'),
    'smooth labels': (Own(label_smoothing=0.1), {}, 'label_smoothing=0.1 would be lost'),
    'weights of positives': (Own(pos_weight=torch.ones(2)), {}, 'pos_weight=.* would be lost'),
    'empty channels': (pose.KeypointMSELoss(skip_empty_channel=True), {}, 'skip_empty_channel=True would be lost'),
}


def test_a_sum_stays_one() -> None:
    """Of heads that divide by a number of their own, such as YOLOX's."""
    for loss in (det.CrossEntropyLoss(reduction='sum'), SearchedLoss('-y * log(p)', reduction='sum')):
        found = judge(loss)
        assert found.inputs == 'softmax' and found.settings == {'average': 'sum'}
    pred, target, weight = torch.randn(6, 3), torch.randint(3, (6,)), torch.rand(6)
    wanted = det.CrossEntropyLoss(reduction='sum')(pred, target, weight)
    torch.testing.assert_close(SearchedLoss('-y * log(p)', average='sum')(pred, target, weight), wanted)
    torch.testing.assert_close(
        plain_loss(parse('-y * log(p)'), 'softmax', found.settings)(pred, target, weight), wanted
    )


@pytest.mark.parametrize(('loss', 'attributes', 'reason'), REFUSED.values(), ids=REFUSED)
def test_refused_with_a_reason(loss, attributes, reason):
    found = judge(loss, **attributes)
    assert found.inputs is None and not found.unknown
    with pytest.raises(SetupError, match=reason):
        build_branches([found.path], lambda: Model(loss, **attributes))


def test_binary_lovasz_reads_a_sigmoid():
    assert judge(seg.LovaszLoss(loss_type='binary', reduction='none')).inputs == 'sigmoid'


def test_settings_of_a_file_are_those_that_can_be_carried():
    with pytest.raises(SetupError, match=r"can be class_weight, .*, but got {'type': 'Evil'}"):
        Branch('x', 'head.loss', 'softmax', {'type': 'Evil'})


def test_channels_over_which_the_hand_made_loss_averages():
    assert judge(seg.CrossEntropyLoss(use_sigmoid=True)).channels == 2
    assert judge(seg.CrossEntropyLoss()).channels == 1


def test_whether_the_hand_made_loss_divides_by_what_is_ignored():
    assert judge(seg.CrossEntropyLoss()).by_ignored
    assert not judge(seg.CrossEntropyLoss(avg_non_ignore=True)).by_ignored
    assert not judge(det.CrossEntropyLoss()).by_ignored, 'its heads pass a normaliser'
