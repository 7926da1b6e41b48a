"""``log(p)`` and ``log(1 - p)`` of probabilities from the logits, also where ``p`` itself is rounded to 0 or 1.

Both are at least ``LEAST``; there, that is for an infinite logit, their derivative is 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.expr.logarithms import LEAST, LOG_NOT_P, LOG_P

AT_LABEL = {'p': 'p_label', LOG_P: 'log(p_label)'}
"""Names of inputs in the channel of the label, (N, 1, H, W); their gradients have a shorter formula for the softmax."""
LOG_P_AT_LABEL = AT_LABEL[LOG_P]
_TINY = 1e-30
"""Above it a float32 has full precision."""

Tensors = Mapping[str, Tensor]


class Logarithms(ABC):
    """The logarithms of one activation; stateless. Tensors have the dimensions of the raw prediction (M, C, ...)."""

    @abstractmethod
    def plain(self, pred: Tensor, name: str) -> Tensor:
        """The definition of one of the two logarithms, differentiable any number of times."""

    def differentiable(self, pred: Tensor, tensors: Tensors, names: Collection[str]) -> dict[str, Tensor]:
        """The result of ``leaves``, computed by ``plain``."""
        results = {name: self.plain(pred, LOG_NOT_P if name == LOG_NOT_P else LOG_P) for name in names}
        if LOG_P_AT_LABEL in results:
            results[LOG_P_AT_LABEL] = at_label(results[LOG_P_AT_LABEL], tensors['label'])
        return results

    @abstractmethod
    def leaves(self, pred: Tensor, tensors: Tensors, names: Collection[str]) -> dict[str, Tensor]:
        """The logarithms, at least those in ``names``, in few passes over memory and without autograd.

        Args:
            pred: Raw predictions (M, C, ...).
            tensors: Known inputs: ``p``, and ``label`` if there is one, with the dimensions of ``pred``.
            names: ``LOG_P``, ``LOG_NOT_P``, ``LOG_P_AT_LABEL``.
        """

    @abstractmethod
    def pull_back(self, pred: Tensor, tensors: Tensors, gradients: Tensors) -> Tensor:
        """The gradient of the raw prediction.

        Args:
            pred: As above.
            tensors: As above, and the result of ``leaves``.
            gradients: Gradients of some of the logarithms, in their shapes.
        """


class OfSigmoid(Logarithms):
    """Of independent classes: ``logsigmoid`` of the logit and of its negative."""

    def plain(self, pred: Tensor, name: str) -> Tensor:
        logit = F.hardtanh(pred, LEAST, -LEAST)
        return F.logsigmoid(logit if name == LOG_P else -logit)

    def leaves(self, pred: Tensor, tensors: Tensors, names: Collection[str]) -> dict[str, Tensor]:
        both = pred.abs().neg_().exp_().log1p_()
        results = {}
        if LOG_P in names:
            results[LOG_P] = pred.clamp(LEAST, 0) - both
        if LOG_NOT_P in names:
            results[LOG_NOT_P] = pred.clamp(0, -LEAST).neg_().sub_(both)
        return results

    def pull_back(self, pred: Tensor, tensors: Tensors, gradients: Tensors) -> Tensor:
        parts = []
        if LOG_P in gradients:
            parts.append(gradients[LOG_P] * (-pred).sigmoid_())
        if LOG_NOT_P in gradients:
            parts.append(-gradients[LOG_NOT_P] * (tensors['p'] if 'p' in tensors else pred.sigmoid()))
        return torch.ops.aten.hardtanh_backward(sum(parts[1:], parts[0]), pred, LEAST, -LEAST)


class OfSoftmax(Logarithms):
    """Of exclusive classes: ``log_softmax``, and the logarithm of the sum of all other classes.

    At most one probability is above 1/2. For the others ``log1p(-p)`` is exact; for that one the sum of the other
    exponentials is divided by the sum of all.
    """

    def plain(self, pred: Tensor, name: str) -> Tensor:
        if name == LOG_P:
            return pred.log_softmax(dim=1).clamp(min=LEAST)
        if pred.shape[1] == 1:  # p is 1 whatever the logit is, and log(0) is 0
            return 0 * pred.clamp(0, 0)
        return _log_of_rest(pred, pred.softmax(dim=1)).clamp(min=LEAST)

    def leaves(self, pred: Tensor, tensors: Tensors, names: Collection[str]) -> dict[str, Tensor]:
        p, results = tensors['p'] if 'p' in tensors else pred.softmax(dim=1), {}
        results['p'] = p
        if LOG_P in names:
            results[LOG_P] = pred.log_softmax(dim=1).clamp_(min=LEAST)
        if LOG_P_AT_LABEL in names:
            results[LOG_P_AT_LABEL] = _log_at_label(pred, p, tensors['label'])
        if LOG_NOT_P in names:
            results[LOG_NOT_P] = torch.zeros_like(p) if pred.shape[1] == 1 else _log_of_rest(pred, p).clamp_(min=LEAST)
        return results

    def pull_back(self, pred: Tensor, tensors: Tensors, gradients: Tensors) -> Tensor:
        p, parts = tensors['p'], []
        if LOG_P in gradients:
            gradient = torch.ops.aten.threshold_backward(gradients[LOG_P], tensors[LOG_P], LEAST)
            parts.append(gradient - p * gradient.sum(dim=1, keepdim=True))
        if LOG_P_AT_LABEL in gradients:
            share = torch.ops.aten.threshold_backward(gradients[LOG_P_AT_LABEL], tensors[LOG_P_AT_LABEL], LEAST)
            parts.append(add_at_label(p * -share, tensors['label'], share))
        if LOG_NOT_P in gradients:
            gradient = torch.ops.aten.threshold_backward(gradients[LOG_NOT_P], tensors[LOG_NOT_P], LEAST)
            parts.append(torch.zeros_like(p) if pred.shape[1] == 1 else _log_of_rest_backward(pred, p, gradient))
        return sum(parts[1:], parts[0])


def _log_at_label(pred: Tensor, p: Tensor, label: Tensor) -> Tensor:
    """The logarithm of ``p`` in the channel of the label: on a CPU, that of ``p`` itself if none is tiny."""
    if not torch.compiler.is_compiling() and pred.device.type == 'cpu':
        own = at_label(p, label)
        if own.numel() and own.min() > _TINY:
            return own.log_()
    # the largest p is at least 1 / C, so its logarithm gives the sum of all exponentials
    above = at_label(pred, label) - pred.amax(dim=1, keepdim=True)
    return (above + p.amax(dim=1, keepdim=True).log()).clamp(min=LEAST)


def _log_of_rest(pred: Tensor, p: Tensor) -> Tensor:
    """The logarithm of the sum of all other classes."""
    large = p > 0.5
    share = _without(large, pred).logsumexp(dim=1, keepdim=True) - pred.logsumexp(dim=1, keepdim=True)
    return torch.where(large, share, torch.log1p(-p.masked_fill(large, 0)))


def _log_of_rest_backward(pred: Tensor, p: Tensor, gradient: Tensor) -> Tensor:
    large = p > 0.5
    odds = (gradient * p / (1 - p)).masked_fill(large, 0)
    of_large = (gradient * p).masked_fill(~large, 0).sum(dim=1, keepdim=True)
    among_others = _without(large, pred).softmax(dim=1).masked_fill(large, -1)
    return p * odds.sum(dim=1, keepdim=True) - odds + of_large * among_others


def _without(large: Tensor, pred: Tensor) -> Tensor:
    """Logits without the largest; finite ones, since the derivative of an empty sum is NaN."""
    return pred.masked_fill(large, -torch.inf).clamp(min=LEAST)


def at_label(x: Tensor, label: Tensor) -> Tensor:
    """The values (M, 1, ...) in the channel of the label."""
    if torch.compiler.is_compiling():  # a comparison is fused into the loop, a gather is a loop of its own
        return torch.where(label == classes_of(x), x, 0).sum(dim=1, keepdim=True)
    return x.gather(1, label)


def add_at_label(x: Tensor, label: Tensor, share: Tensor) -> Tensor:
    """``x`` with ``share`` (M, 1, ...) added in the channel of the label; it may be the same tensor, changed."""
    if torch.compiler.is_compiling():
        return x + torch.where(label == classes_of(x), share, 0)
    return x.scatter_add_(1, label, share)


def classes_of(pred: Tensor) -> Tensor:
    """The index of each channel, (1, C) or (1, C, 1, 1)."""
    return torch.arange(pred.shape[1], device=pred.device).view(1, -1, *[1] * (pred.dim() - 2))


LOGARITHMS_OF: dict[str, Logarithms] = {'sigmoid': OfSigmoid(), 'softmax': OfSoftmax()}
"""Logarithms by the activation of a kind of input."""
