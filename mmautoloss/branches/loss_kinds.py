"""The kind of input of losses, where it depends on their settings or on their heads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from mmautoloss.branches.attributes import library_of
from mmautoloss.branches.loss_class import Verdict


def cross_entropy(head: nn.Module, loss: nn.Module) -> Verdict:
    if getattr(loss, 'use_mask', False):
        return 'mask', ''
    return ('sigmoid' if getattr(loss, 'use_sigmoid', False) else 'softmax'), ''


def boxes(head: nn.Module, loss: nn.Module) -> Verdict:
    return ('area' if getattr(head, 'reg_decoded_bbox', False) else 'delta'), ''


def scores(head: nn.Module, loss: nn.Module) -> Verdict:
    return ('sigmoid' if getattr(loss, 'use_sigmoid', True) else 'softmax'), ''


def label_smooth(head: nn.Module, loss: Any) -> Verdict:
    return ('sigmoid' if loss.ce.use_sigmoid else 'softmax'), ''


def dice(head: nn.Module, loss: nn.Module) -> Verdict:
    return ('instance', '') if library_of(loss) == 'mmdet' else scores(head, loss)


def lovasz(head: nn.Module, loss: nn.Module) -> Verdict:
    criterion = getattr(loss, 'cls_criterion', None)
    return ('sigmoid' if getattr(criterion, '__name__', '') == 'lovasz_hinge' else 'softmax'), ''


def searched(head: nn.Module, loss: Any) -> Verdict:
    reason = lacks_cosines(head) if loss.kind.name == 'cosine' else ''
    return (None, reason) if reason else (loss.kind.name, '')


def lacks_cosines(head: Any) -> str:
    """Why the predictions of a head are no plain cosines, and what helps; '' if they are."""
    if not hasattr(head, 'norm_product'):
        return 'its head passes no cosines; use ArcFaceClsHead, or inputs="softmax"'
    if head.scale != 1 or bool(head.margins.any()):
        return 'its head scales cosines or adds margins itself; set scale=1.0 and margins=0.0 in it'
    return ''


def motion(head: nn.Module, loss: Any) -> Verdict:
    if loss.use_target_weight:
        return None, 'it multiplies weights into coordinates of all frames; set use_target_weight=False'
    return 'motion', ''


def taught(head: Any, loss: nn.Module) -> Verdict:
    if hasattr(head, 'student'):
        return 'bins', ''
    return None, 'it is called by no distiller of mmpose, which passes temperatures; leave it out'


def always(inputs: str) -> Callable[[nn.Module, nn.Module], Verdict]:
    return lambda head, loss: (inputs, '')


def never(reason: str) -> Callable[[nn.Module, nn.Module], Verdict]:
    return lambda head, loss: (None, reason)
