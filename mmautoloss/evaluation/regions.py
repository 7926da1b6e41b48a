"""Metrics of whole regions: mIoU, FWIoU, gAcc, mAcc."""

from __future__ import annotations

import torch
from torch import Tensor

from mmautoloss.evaluation.label_maps import LabelMaps


def count_areas(maps: LabelMaps) -> Tensor:
    """Counts the pixels of each class, ignored ones left out.

    The metrics need only these three rows of the confusion matrix, its diagonal and its margins, which
    are fifty times smaller for 150 classes.

    Returns:
        (N, 3, C): pixels that are correctly predicted as class c, predicted as c, of class c.
    """
    correct = maps.valid & (maps.pred == maps.target)
    counted = (maps.target, correct), (maps.pred, maps.valid), (maps.target, maps.valid)
    return torch.stack([maps.histogram(labels, mask) for labels, mask in counted], dim=1)


def area_scores(areas: Tensor) -> dict[str, float]:
    r"""The four metrics of regions from the counts of a data set.

    With :math:`r_c, p_c, t_c` the pixels that are correctly predicted as c, predicted as c, truly c, as Long et al.
    (CVPR 2015) define them and mmseg's ``IoUMetric`` averages them:

    - mIoU: mean of :math:`r_c / (p_c + t_c - r_c)` over the classes that occur in target *or* prediction: a
      class that is only predicted counts as 0, one that occurs in neither is left out.
    - FWIoU: the same ratios, weighted by :math:`t_c / \sum t`.
    - gAcc: :math:`\sum r / \sum t`, mmseg's ``aAcc``.
    - mAcc: mean of :math:`r_c / t_c` over the classes that occur in the target.

    Args:
        areas: (3, C), see :func:`count_areas`.

    Returns:
        Values in [0, 1]; NaN if no pixel counts.
    """
    correct, predicted, target = areas.double()
    iou = correct / (predicted + target - correct)  # 0 / 0 is NaN: the class is left out
    return {
        'mIoU': float(iou.nanmean()),
        'FWIoU': float((target * iou).nansum() / target.sum()),
        'gAcc': float(correct.sum() / target.sum()),
        'mAcc': float((correct / target).nanmean()),
    }
