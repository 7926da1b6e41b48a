"""The backbone: its numbers, its frozen layers kept or not, and its place in the three libraries."""

from __future__ import annotations

import copy
import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, nn

pytest.importorskip('mmdet')
pytest.importorskip('mmcv.ops')

from mmengine.registry import MODELS, init_default_scope

from mmautoloss.backbones.efficientnet_lite import EfficientNetLite
from mmautoloss.errors import SetupError
from mmautoloss.testing.forked import run_forked
from tests.isolation import ROOT
from tests.test_backbones.conftest import randomised

Build = Callable[..., nn.Module]

OTHER_PROCESS = """
import hashlib, sys
import torch
from mmautoloss.backbones.efficientnet_lite import EfficientNetLite

given = torch.load(sys.argv[1])
model = EfficientNetLite(out_indices=(2, 3, 4), frozen_stages=3, norm_eval=True, keep=True, enlarge=1.5)
model.load_state_dict(given['weights'])
print(hashlib.sha1(b''.join(level.detach().numpy().tobytes() for level in model.train()(given['images']))).hexdigest())
"""


def pictures(count: int = 3, size: tuple[int, int] = (37, 50), seed: int = 1) -> Tensor:
    return torch.randn(count, 3, *size, generator=torch.Generator().manual_seed(seed))


def same(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> bool:
    return len(one) == len(other) and all(map(torch.equal, one, other))


def require_close(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> None:
    for level, wanted in zip(one, other, strict=True):
        torch.testing.assert_close(level, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('enlarge', [1, 1.5, 2.0])
@pytest.mark.parametrize('frozen', [1, 3, 5])
def test_kept_or_not_is_one_result(build: Build, enlarge: float, frozen: int) -> None:
    """The layers ``out_indices`` are all trained, in part or none of them; 3 and 5 end with one of them."""
    plain, keeping = (build(enlarge=enlarge, frozen_stages=frozen, keep=keep) for keep in (False, True))
    expected = plain(pictures())
    assert [level.shape[1] for level in expected] == [24, 40, 112]
    require_close(keeping(pictures()), expected)
    require_close(keeping(pictures()), expected)


def test_only_the_enlarged_image_is_other(build: Build) -> None:
    image = pictures()
    larger = nn.functional.interpolate(image, scale_factor=2.0, mode='bilinear', align_corners=False)
    assert same(build(frozen_stages=0, enlarge=2)(image), build(frozen_stages=0)(larger))
    assert build(frozen_stages=0, enlarge=2)(image)[0].shape[2:] == (19, 25), 'stride 4 has become 2'


def test_later_calls_give_the_first_one_to_the_last_bit(build: Build) -> None:
    """Alone, in another batch, flipped, of a copy and of a model with its weights loaded anew."""
    model, images = build(keep=True), pictures()
    first, flipped = model(images), model(images.flip(3))
    assert not same(first, flipped)
    for twin in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model)), build(keep=True)):
        frozen = twin(images)[0]
        assert torch.equal(frozen, first[0]) and torch.equal(twin(images.flip(3))[0], flipped[0])
        assert torch.equal(twin(images[1:2])[0], first[0][1:2])
        assert same(twin(images), first)


def test_a_copy_has_no_store(build: Build) -> None:
    model = build(keep=True)
    size = len(pickle.dumps(model))
    model(pictures())
    assert len(pickle.dumps(model)) == size


def test_each_image_is_computed_once_and_in_each_model(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    computed = []
    of_frozen = EfficientNetLite._frozen_features
    monkeypatch.setattr(
        EfficientNetLite, '_frozen_features', lambda self, x: computed.append(len(x)) or of_frozen(self, x)
    )
    model = build(keep=True)
    for each in (model, copy.deepcopy(model), model.eval()):
        each(pictures())
    assert computed == [1, 1, 1]
    with torch.no_grad():
        model.layers[4][0].linear_conv.conv.weight.add_(1.0)  # trained
    model(pictures())
    assert computed == [1, 1, 1]
    with torch.no_grad():
        model.layers[2][0].linear_conv.conv.weight.add_(1.0)  # frozen
    model(pictures())
    assert computed == [1] * 6


def test_other_weights_and_settings_give_other_features(build: Build) -> None:
    """None of the models is served with what another has left."""
    settings = [{}, {'enlarge': 2}, {'out_indices': (1, 3)}, {'frozen_stages': 2}, {'out_indices': (2,)}]
    settings += [{'norm_cfg': {'type': 'BN', 'eps': 0.1}}, {'conv_cfg': {'type': 'Conv2d'}}]
    for _ in range(2):
        for each in settings:
            require_close(build(keep=True, **each)(pictures()), build(**each)(pictures()))
    model = build(keep=True)
    model(pictures())
    model.load_state_dict(randomised(model.state_dict(), seed=5))
    require_close(model(pictures()), build(seed=5)(pictures()))


def test_other_processes_give_the_same_bits(build: Build, tmp_path: Path) -> None:
    model = build(keep=True, enlarge=1.5)
    torch.save({'weights': model.state_dict(), 'images': pictures()}, tmp_path / 'given.pth')
    (tmp_path / 'other.py').write_text(OTHER_PROCESS)
    command = [str(tmp_path / 'other.py'), str(tmp_path / 'given.pth')]
    done = run_forked(command, ROOT, {**os.environ, 'PYTHONPATH': str(ROOT)})
    assert done.returncode == 0, done.stderr
    model(pictures())
    bits = b''.join(level.detach().numpy().tobytes() for level in model(pictures()))
    assert done.stdout.split()[-1] == hashlib.sha1(bits).hexdigest()


@pytest.mark.parametrize('keep', [False, True])
def test_gradients_reach_what_is_trained_alone(build: Build, keep: bool) -> None:
    model = build(keep=keep)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for _ in range(2):
        sum(level.square().mean() for level in model(pictures())[1:]).backward()
    touched = {int(name.split('.')[1]) for name, weight in model.named_parameters() if weight.grad is not None}
    assert touched == {3, 4}
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items()), 'nor statistics'


def test_gradients_are_those_without_keeping(build: Build) -> None:
    plain, keeping = build(), build(keep=True)
    for model in (plain, keeping):
        sum(level.mean() for level in model(pictures())).backward()
    for name, weight in plain.named_parameters():
        if weight.requires_grad:
            grad = dict(keeping.named_parameters())[name].grad
            torch.testing.assert_close(grad, weight.grad, rtol=1e-3, atol=1e-5 * float(weight.grad.abs().max()))


@pytest.mark.parametrize('keep', [False, True])
def test_several_processes_can_train_it(kept: Any, keep: bool) -> None:
    """DDP asks which weights are trained before any mode is set, and misses the gradients of others later."""
    model = EfficientNetLite(out_indices=(2, 3, 4), frozen_stages=3, norm_eval=True, keep=keep)
    distributed.init_process_group('gloo', store=distributed.HashStore(), rank=0, world_size=1)
    try:
        wrapped = nn.parallel.DistributedDataParallel(model)
        for _ in range(2):
            sum(level.mean() for level in wrapped.train()(pictures())).backward()
    finally:
        distributed.destroy_process_group()
    assert all((weight.grad is not None) == weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize('keep', [False, True])
def test_training_and_validation_see_one_backbone(build: Build, keep: bool) -> None:
    model = build(keep=keep)
    trained = model(pictures())
    assert same(model.eval()(pictures()), trained)


@pytest.mark.parametrize('keep', [False, True])
def test_statistics_of_frozen_layers_stand_still(build: Build, keep: bool) -> None:
    """Also of a model whose mode nobody has set yet, and where trained layers follow the batch."""
    given = build(norm_eval=False, keep=keep)
    fresh = EfficientNetLite(out_indices=(2, 3, 4), frozen_stages=3, keep=keep)
    assert [name for name, weight in fresh.named_parameters() if not weight.requires_grad][-1].startswith('layers.2.')
    for model in (given, fresh):
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        model(pictures())
        moved = {
            name.split('.')[1] for name, each in model.state_dict().items() if not torch.equal(each, before[name])
        }
        assert moved == {'3', '4'}


@pytest.mark.parametrize(
    ('settings', 'text'),
    [
        ({'keep': True}, 'keep=True needs frozen layers, but frozen_stages is 0'),
        ({'keep': 'yes', 'frozen_stages': 1}, "keep must be True or False, but got 'yes'"),
        ({'enlarge': 0}, 'enlarge must be at least 1, but got 0'),
        ({'enlarge': '2'}, "enlarge must be a number, but got '2'"),
        ({'out_indices': (2,), 'frozen_stages': 5}, r'at most 3, the layers that out_indices=\(2,\) needs, but got 5'),
    ],
)
def test_settings_without_sense_are_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(SetupError, match=text):
        EfficientNetLite(**settings)


HEADS = {
    'mmdet': {
        'type': 'RetinaNet',
        'neck': {'type': 'FPN', 'in_channels': [24, 40, 112], 'out_channels': 8, 'num_outs': 3},
        'bbox_head': {
            **{'type': 'RetinaHead', 'num_classes': 2, 'in_channels': 8, 'feat_channels': 8, 'stacked_convs': 1},
            'anchor_generator': {'type': 'AnchorGenerator', 'ratios': [1.0], 'scales': [4], 'strides': [4, 8, 16]},
        },
    },
    'mmseg': {
        'type': 'EncoderDecoder',
        'decode_head': {
            **{'type': 'FCNHead', 'in_channels': 112, 'in_index': 2, 'channels': 8, 'num_convs': 1},
            **{'num_classes': 2, 'align_corners': False},
        },
    },
    'mmpose': {
        'type': 'TopdownPoseEstimator',
        'neck': {'type': 'FeatureMapProcessor', 'select_index': 2},
        'head': {
            **{'type': 'HeatmapHead', 'in_channels': 112, 'out_channels': 4, 'deconv_out_channels': (8,)},
            **{'deconv_kernel_sizes': (4,), 'loss': {'type': 'KeypointMSELoss'}},
            'decoder': {'type': 'MSRAHeatmap', 'input_size': (64, 64), 'heatmap_size': (8, 8), 'sigma': 2},
        },
    },
}


@pytest.mark.parametrize('library', HEADS)
def test_each_library_builds_it(kept: Any, library: str) -> None:
    pytest.importorskip(f'{library}.models', exc_type=ImportError)
    init_default_scope(library)
    backbone = {'type': 'mmautoloss.EfficientNetLite', 'out_indices': (2, 3, 4), 'frozen_stages': 3, 'keep': True}
    model = MODELS.build({**copy.deepcopy(HEADS[library]), 'backbone': backbone})
    model.init_weights()
    levels = model.extract_feat(pictures(2, (64, 64)))
    assert len(levels) == (1 if library == 'mmpose' else 3) and all(len(level) == 2 for level in levels)
    assert len(kept._kept) == 2
