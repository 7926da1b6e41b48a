"""EfficientNet-Lite0, for mmdet, mmseg, mmpose and mmpretrain alike."""

from __future__ import annotations

from itertools import chain
from typing import Any

from torch import Tensor
from torch.nn import functional

from mmautoloss.backbones.kept_features import Features, KeptFeatures
from mmautoloss.checks import require_flag, require_number
from mmautoloss.errors import SetupError
from mmautoloss.registry import MODELS, register

try:
    from mmdet.models.backbones import EfficientNet
except ModuleNotFoundError as error:
    if error.name != 'mmdet':
        raise
    from mmpretrain.models.backbones import EfficientNet  # the same layers, of which it also builds those not used

_kept = KeptFeatures(limit=2**31)
"""Of this process: models are copied and built anew, while their frozen layers stay the same."""


@register(MODELS)
class EfficientNetLite(EfficientNet):
    """EfficientNet-B0 without squeeze-and-excitation and with ReLU6, as TensorFlow publishes it as Lite0.

    Its layers, from 0: the stem (32 channels, stride 2), five stages (16, 24, 40, 112, 320 channels; strides 2, 4, 8, 16,
    32) and a last convolution (1280 channels). ``tools/convert_lite0.py`` writes a checkpoint with ImageNet weights for
    ``init_cfg``; images are RGB, ``(x - 127) / 128``.

    Args:
        keep: Whether features of the frozen layers are kept, up to 2 GiB a process: on a CPU, with images that
            come again and again as they are or flipped. They are computed image by image then; hooks of the frozen layers
            see new images alone, and an image has no gradient.
        enlarge: Factor by which images are enlarged before the stem; it divides the strides.
        **kwargs: As of the ``EfficientNet`` of mmdet, or of mmpretrain where mmdet is not installed; ``frozen_stages``
            counts layers, from the stem.

    Raises:
        SetupError: There is nothing to keep, or fewer layers than are frozen.
    """

    layer_settings = {
        'b': [
            [[kernel, channels, 0, stride, expand, block] for kernel, channels, _, stride, expand, block in stage]
            for stage in EfficientNet.layer_settings['b']
        ]
    }

    def __init__(self, keep: bool = False, enlarge: float = 1.0, **kwargs: Any) -> None:
        require_flag('keep', keep)
        require_number('enlarge', enlarge, least=1)
        super().__init__(arch='b0', act_cfg=dict(type='ReLU6'), **kwargs)
        if keep and not self.frozen_stages:
            raise SetupError('keep=True needs frozen layers, but frozen_stages is 0. Set it, such as to 3.')
        if self.frozen_stages > len(self.layers):
            raise SetupError(
                f'frozen_stages must be at most {len(self.layers)}, the layers that out_indices={self.out_indices} needs, '
                f'but got {self.frozen_stages}.'
            )
        self.keep = keep
        self.enlarge = enlarge
        # not only in train(): DDP asks which weights are trained when it is made
        self._freeze_stages()

    def forward(self, x: Tensor) -> Features:
        """The outputs of the layers ``out_indices``, from images of shape (N, 3, H, W)."""
        *outs, x = self._kept_features(x) if self.keep and self.frozen_stages else self._frozen_features(x)
        if self.frozen_stages - 1 in self.out_indices:
            outs.append(x)
        for i, layer in enumerate(self.layers[self.frozen_stages :], self.frozen_stages):
            x = layer(x)
            if i in self.out_indices:
                outs.append(x)
        return tuple(outs)

    def train(self, mode: bool = True) -> EfficientNetLite:
        """Sets the mode of the layers that are not frozen; mmdet's method returns nothing."""
        super().train(mode)
        return self

    def _frozen_features(self, x: Tensor) -> Features:
        """The outputs of frozen layers: of those in ``out_indices``, and of the last; without any, the enlarged image."""
        if self.enlarge != 1:
            x = functional.interpolate(x, scale_factor=float(self.enlarge), mode='bilinear', align_corners=False)
        outs = [x]
        for i, layer in enumerate(self.layers[: self.frozen_stages]):
            x = layer(x)
            if i in self.out_indices or i == self.frozen_stages - 1:
                outs.append(x)
        return tuple(outs[1:] or outs)

    def _kept_features(self, x: Tensor) -> Features:
        frozen = self.layers[: self.frozen_stages]
        weights = chain(frozen.parameters(), frozen.buffers())
        settings = f'{self.enlarge} {sorted(self.out_indices)} {self.frozen_stages} {self.conv_cfg} {self.norm_cfg}'
        return _kept.batch(x, weights, settings, self._frozen_features)
