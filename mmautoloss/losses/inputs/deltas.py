"""Values without activation, such as box deltas."""

from __future__ import annotations

from torch import Tensor

from mmautoloss.losses.inputs.kind import Unactivated, wrong_shapes
from mmautoloss.losses.inputs.rows import Rows, as_nchw, choose_rows, values_as_rows


class Delta(Unactivated):
    """Values as they are, such as box deltas or coordinates: ``p`` and ``y`` (M, C), without activation.

    A row may also be a single number: values (M,) with targets (M,). Points (N, K, D) are rows of D coordinates, and maps
    (N, C, H, W), such as offsets, rows of C values; their weights are of the same shape, or one a point or pixel.
    """

    name = 'delta'
    meanings = {'p': 'the predicted value as it is, such as a box delta or a coordinate', 'y': 'its target'}
    regression = True
    metric = 'delta_iou'

    def calls(self, pred: Tensor, target: Tensor, weight: Tensor | None) -> list[tuple[Tensor, Tensor, Tensor | None]]:
        return [values_as_rows(pred, target, weight)]

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        if pred.dim() == 1 and target.shape == pred.shape:
            pred, target = pred[:, None], target[:, None]
        if pred.dim() != 2 or target.shape != pred.shape:
            raise wrong_shapes(
                self.name, '(M, C), points (N, K, D) or maps (N, C, H, W) with targets of the same shape', pred, target
            )
        return choose_rows(pred, target, weight)

    def marked(self, rows: Rows) -> Tensor:
        """The unchanged targets: -1 is a valid one, and a box is judged by all its sides."""
        return rows.target

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {'p': as_nchw(pred), 'y': as_nchw(target.to(pred.dtype))}
