"""What the evaluation of an expression reads of a call: the inputs of its kind, and logarithms of probabilities."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from mmautoloss.expr import Program, Tree, compile_tree
from mmautoloss.expr.logarithms import LOG_P, LOGARITHMS, read_logarithms
from mmautoloss.losses.inputs import InputKind
from mmautoloss.losses.inputs.kind import full_gradient
from mmautoloss.losses.inputs.logarithms import AT_LABEL, LOGARITHMS_OF

_NAMES = LOGARITHMS | {AT_LABEL[LOG_P]}


def has_logarithms(kind: InputKind) -> bool:
    """Whether logarithms of ``p`` and ``1 - p`` are computed from the raw prediction."""
    return kind.activation in LOGARITHMS_OF and kind.names[0] == 'p'


def evaluated(tree: Tree, kind: InputKind) -> Tree:
    """The expression as it is evaluated over the inputs of a kind."""
    return read_logarithms(tree) if has_logarithms(kind) else tree


def read(tree: Tree, kind: InputKind, pred: Tensor, target: Tensor) -> tuple[Program, dict[str, Tensor]]:
    """The definition of an expression: its program and the tensors (M, C, H, W) that this reads.

    Args:
        tree: The expression.
        kind: What it reads.
        pred: Raw predictions (M, ...) of rows that count.
        target: Their targets (M, ...).
    """
    program, tensors = compile_tree(evaluated(tree, kind)), kind.tensors(pred, target)
    for name in LOGARITHMS.intersection(program.inputs):
        tensors[name] = LOGARITHMS_OF[kind.activation].plain(pred, name).reshape(tensors['p'].shape)
    return program, tensors


def leaves(kind: InputKind, pred: Tensor, target: Tensor, names: Collection[str]) -> dict[str, Tensor]:
    """What the instructions of a plan read; ``InputKind.leaves`` and logarithms."""
    tensors = kind.leaves(pred, target, names)
    wanted = _NAMES.intersection(names)
    if wanted:
        known: dict[str, Tensor] = {name: _as_rows(tensors[name], pred) for name in ('p', 'label') if name in tensors}
        logarithms = LOGARITHMS_OF[kind.activation]
        # a tiny call is left to autograd
        compute = logarithms.differentiable if torch.is_grad_enabled() else logarithms.leaves
        found = compute(pred, known, wanted)
        tensors |= {name: tensor.view(*tensor.shape, *_ones(pred)) for name, tensor in found.items()}
    return tensors


def pull_back(
    kind: InputKind, pred: Tensor, target: Tensor, tensors: Mapping[str, Tensor], gradients: Mapping[str, Tensor]
) -> Tensor:
    """The gradient of the raw prediction; ``InputKind.pull_back`` and that by the logarithms."""
    of_logarithms = {name: gradient for name, gradient in gradients.items() if name in _NAMES}
    if not of_logarithms:
        return kind.pull_back(pred, target, tensors, gradients)
    if AT_LABEL[LOG_P] in gradients and AT_LABEL['p'] in gradients:  # one way back for both: dp is p * d log(p)
        gradients = dict(gradients)
        share = gradients.pop(AT_LABEL['p']) * tensors[AT_LABEL['p']]
        of_logarithms[AT_LABEL[LOG_P]] = of_logarithms[AT_LABEL[LOG_P]] + share
    of_logarithms = {name: _as_rows(full_gradient(each, tensors[name]), pred) for name, each in of_logarithms.items()}
    known = {name: _as_rows(tensor, pred) for name, tensor in tensors.items() if name in {'p', 'label', *_NAMES}}
    found = LOGARITHMS_OF[kind.activation].pull_back(pred, known, of_logarithms)
    others = {name: gradient for name, gradient in gradients.items() if name not in _NAMES}
    return found + kind.pull_back(pred, target, tensors, others) if others else found


def _as_rows(tensor: Tensor, pred: Tensor) -> Tensor:
    """An input (M, C, H, W) with the dimensions of the raw prediction."""
    return tensor.reshape(tensor.shape[: pred.dim()])


def _ones(pred: Tensor) -> tuple[int, ...]:
    return (1,) * (4 - pred.dim())
