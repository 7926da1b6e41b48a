"""Heat maps of scores with a peak at each centre, as CornerNet and CenterNet train them."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mmautoloss.losses.inputs.heatmaps import Heatmap
from mmautoloss.losses.inputs.kind import InputKind
from mmautoloss.losses.inputs.scores import OfSigmoid


class Peak(OfSigmoid, Heatmap):
    """Heat maps of scores: ``p`` = sigmoid of the logits, ``y`` = 1 at centres, ``q`` = the target, high around them.

    Logits and targets are maps (N, C, H, W), one channel a class or keypoint; a target of 1 is a centre. Weights and masks
    are those of ``heatmap``.
    """

    name = 'peak'
    names = ('p', 'y', 'q')
    meanings = {
        'p': 'the sigmoid of the logit of a class or keypoint (channel) at a pixel',
        'y': '1 at the centre of an object or keypoint, 0 elsewhere',
        'q': 'the target, which is 1 at the centre and falls to 0 around it',
    }
    from_target = frozenset({'y', 'q'})
    metric = 'peak_recall'
    spread = 2.0
    scatter = InputKind.scatter

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        q = target.to(pred.dtype)
        return {'p': pred.sigmoid(), 'y': (q == 1).to(pred.dtype), 'q': q}

    def shrink(
        self, pred: Tensor, target: Tensor, weight: Tensor | None, side: int
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Of each square of pixels the one with the highest target, so that no centre is lost."""
        step = max(1, round(max(pred.shape[-2:]) / side))
        if step == 1:
            return pred, target, weight
        highest, index = F.max_pool2d(target, step, ceil_mode=True, return_indices=True)

        def chosen(maps: Tensor) -> Tensor:
            return maps.flatten(2).gather(2, index.flatten(2)).view_as(highest)

        of_pixels = weight is not None and weight.dim() == 4
        return chosen(pred), highest, chosen(weight) if weight is not None and of_pixels else weight
