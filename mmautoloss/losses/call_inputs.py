"""The tensors that an expression reads in a call: the inputs of its kind, logarithms of probabilities, and ``t``."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from mmautoloss.expr import Program, Tree, compile_tree
from mmautoloss.expr.elapsed import ELAPSED
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


def read(
    tree: Tree, kind: InputKind, pred: Tensor, target: Tensor, elapsed: Tensor | float = 1.0
) -> tuple[Program, dict[str, Tensor]]:
    """The definition of an expression: its program and the tensors (M, C, H, W) that the program reads.

    Args:
        tree: The expression.
        kind: Its kind of input.
        pred: Raw predictions (M, ...) of rows that count.
        target: Their targets (M, ...).
        elapsed: The elapsed share of the training.
    """
    program, tensors = compile_tree(evaluated(tree, kind)), kind.tensors(pred, target)
    for name in LOGARITHMS.intersection(program.inputs):
        tensors[name] = LOGARITHMS_OF[kind.activation].plain(pred, name).reshape(tensors['p'].shape)
    if ELAPSED in program.inputs:
        first = next(iter(tensors.values()))
        tensors[ELAPSED] = torch.as_tensor(elapsed, dtype=first.dtype, device=first.device).expand(first.shape)
    return program, tensors


def leaves(
    kind: InputKind, pred: Tensor, target: Tensor, names: Collection[str], elapsed: Tensor | None = None
) -> dict[str, Tensor]:
    """The tensors that a plan reads: ``InputKind.leaves``, logarithms, and the elapsed share as a scalar."""
    tensors = kind.leaves(pred, target, names)
    if ELAPSED in names:
        tensors[ELAPSED] = pred.new_ones(()) if elapsed is None else elapsed
    logarithm_names = _NAMES.intersection(names)
    if logarithm_names:
        known: dict[str, Tensor] = {name: _as_rows(tensors[name], pred) for name in ('p', 'label') if name in tensors}
        logarithms = LOGARITHMS_OF[kind.activation]
        # a tiny call is left to autograd
        compute = logarithms.differentiable if torch.is_grad_enabled() else logarithms.leaves
        results = compute(pred, known, logarithm_names)
        tensors |= {name: tensor.view(*tensor.shape, *_ones(pred)) for name, tensor in results.items()}
    return tensors


def pull_back(
    kind: InputKind, pred: Tensor, target: Tensor, tensors: Mapping[str, Tensor], gradients: Mapping[str, Tensor]
) -> Tensor:
    """The gradient of the raw prediction: ``InputKind.pull_back`` plus the part through the logarithms."""
    logarithm_gradients = {name: gradient for name, gradient in gradients.items() if name in _NAMES}
    if not logarithm_gradients:
        return kind.pull_back(pred, target, tensors, gradients)
    if AT_LABEL[LOG_P] in gradients and AT_LABEL['p'] in gradients:  # combine both gradients: dp is p * d log(p)
        gradients = dict(gradients)
        share = gradients.pop(AT_LABEL['p']) * tensors[AT_LABEL['p']]
        logarithm_gradients[AT_LABEL[LOG_P]] = logarithm_gradients[AT_LABEL[LOG_P]] + share
    logarithm_gradients = {
        name: _as_rows(full_gradient(gradient, tensors[name]), pred) for name, gradient in logarithm_gradients.items()
    }
    known = {name: _as_rows(tensor, pred) for name, tensor in tensors.items() if name in {'p', 'label', *_NAMES}}
    total = LOGARITHMS_OF[kind.activation].pull_back(pred, known, logarithm_gradients)
    input_gradients = {name: gradient for name, gradient in gradients.items() if name not in _NAMES}
    return total + kind.pull_back(pred, target, tensors, input_gradients) if input_gradients else total


def _as_rows(tensor: Tensor, pred: Tensor) -> Tensor:
    """An input (M, C, H, W) with the dimensions of the raw prediction."""
    return tensor.reshape(tensor.shape[: pred.dim()])


def _ones(pred: Tensor) -> tuple[int, ...]:
    return (1,) * (4 - pred.dim())
