r"""The gradient of a controller: what its weights do to a network that takes one more step.

Meta-Weight-Net (Shu et al., NeurIPS 2019, arXiv 1902.07379) asks of weights :math:`w(\theta)` what an outer loss J on clean
examples would be after a step with them, :math:`W' = W - \eta \nabla_W L(W, \theta)`:

.. math:: \nabla_\theta J(W') = -\eta \, \nabla_\theta \langle \nabla_W L(W, \theta), \nabla J(W') \rangle

Here W is the last layer alone, the one that makes the prediction z = W f of the branch. With :math:`L = \sum_{ik} w_{ik}
l_{ik}` and :math:`G = \nabla J(W')` that is

.. math:: \partial J / \partial w_{ik} = -\eta \, \langle \partial l_{ik} / \partial z_i, \; G f_i \rangle

so a loss gains weight where its gradient points to where the outer loss falls. First order as in DARTS, :math:`\partial
(\sum w_k l_k) / \partial \theta` on held-back examples, would instead favour whichever loss is the smallest number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mmautoloss.engine.loss_weights.side_pass import LossCall, recorded_calls
from mmautoloss.errors import SetupError
from mmautoloss.losses import LossMixture, SearchedLoss


class Inner(NamedTuple):
    """A mixture in the pass of a training batch.

    Attributes:
        layer: Weights of the last layer.
        gradient: The gradient of the mixture there, a function of the controller.
        rate: Length of the step, as a factor of the gradient.
    """

    layer: list[nn.Parameter]
    gradient: tuple[Tensor, ...]
    rate: float


def controller_gradients(
    model: nn.Module,
    mixtures: Mapping[str, LossMixture],
    outer: Mapping[str, SearchedLoss],
    batches: tuple[Any, Any],
    step: float,
) -> tuple[dict[str, list[Tensor]], dict[str, list[LossCall]]]:
    """Gradients of the outer losses after a step of the last layers, with respect to the controllers.

    Args:
        model: The model without wrapper.
        mixtures: Its mixtures with controllers, by path.
        outer: An outer loss for each.
        batches: A batch of the training, and one that is held back.
        step: Length of the step, as a share of that of the layer.

    Returns:
        The gradients by path, without those that were not called, and the calls in the training batch.
    """
    try:
        for mixture in mixtures.values():
            mixture.controller.requires_grad_(True)  # type: ignore[union-attr]  # those without are left out
        calls = recorded_calls(model, mixtures, batches[0])
        inner = {path: _inner(model, mixtures[path], calls[path], step) for path in mixtures if calls[path]}
        slopes = _outer_gradients(model, mixtures, outer, inner, batches[1])
        return {path: _gradient(mixtures[path], inner[path], slopes[path]) for path in slopes}, calls
    finally:
        for mixture in mixtures.values():
            mixture.controller.requires_grad_(False)  # type: ignore[union-attr]


def _inner(model: nn.Module, mixture: LossMixture, calls: Sequence[LossCall], step: float) -> Inner:
    layer = last_layer(model, calls[0].args[0])
    gradient = _gradients(sum(call.output for call in calls), layer, create_graph=True)
    sizes = [
        _length(_gradients(sum(part(*call.args, **call.kwargs) for call in calls), layer)) for part in mixture.parts()
    ]
    mean = sum(sizes) / len(sizes)
    return Inner(layer, gradient, step * _length(layer) / mean if mean > 0 else 0.0)


def _outer_gradients(
    model: nn.Module,
    mixtures: Mapping[str, LossMixture],
    outer: Mapping[str, SearchedLoss],
    inner: Mapping[str, Inner],
    batch: Any,
) -> dict[str, tuple[Tensor, ...]]:
    """Gradients of the outer losses at the weights after the step."""
    kept = {path: [weight.data for weight in each.layer] for path, each in inner.items()}
    try:
        for each in inner.values():  # a new tensor, since the graph of the gradient needs the old one
            for weight, slope in zip(each.layer, each.gradient, strict=True):
                weight.data = weight.data - each.rate * slope.detach()
        calls = recorded_calls(model, {path: mixtures[path] for path in inner}, batch)
        return {
            path: _gradients(sum(outer[path](*call.args, **call.kwargs) for call in calls[path]), each.layer)
            for path, each in inner.items()
            if calls[path]
        }
    finally:
        for path, each in inner.items():
            for weight, data in zip(each.layer, kept[path], strict=True):
                weight.data = data


def _gradient(mixture: LossMixture, inner: Inner, slopes: Sequence[Tensor]) -> list[Tensor]:
    product = sum((own * slope).sum() for own, slope in zip(inner.gradient, slopes, strict=True))
    parameters = list(mixture.controller.parameters())  # type: ignore[union-attr]
    if not isinstance(product, Tensor) or not product.requires_grad:  # nothing counted in the batch
        return [torch.zeros_like(parameter) for parameter in parameters]
    found = torch.autograd.grad(-inner.rate * product, parameters, allow_unused=True, materialize_grads=True)
    return list(found)


def _gradients(loss: Any, layer: Sequence[Tensor], create_graph: bool = False) -> tuple[Tensor, ...]:
    return torch.autograd.grad(
        loss, layer, create_graph=create_graph, retain_graph=True, allow_unused=True, materialize_grads=True
    )


def _length(tensors: Sequence[Tensor]) -> float:
    return float(sum(tensor.detach().double().square().sum() for tensor in tensors)) ** 0.5


def last_layer(model: nn.Module, pred: Any) -> list[nn.Parameter]:
    """The weights of the layer that makes a prediction: the module with the parameter that is nearest to it in the graph.

    Raises:
        SetupError: Nothing that is trained makes it.
    """
    owners = {parameter: module for module in model.modules() for parameter in module.parameters(recurse=False)}
    first = pred[0] if isinstance(pred, (list, tuple)) else pred
    pending, seen = deque([first.grad_fn]), set()
    while pending:
        node = pending.popleft()
        if node is None or node in seen:
            continue
        seen.add(node)
        parameter = getattr(node, 'variable', None)
        if parameter in owners:
            return [weight for weight in owners[parameter].parameters(recurse=False) if weight.requires_grad]
        pending.extend(following for following, _ in node.next_functions)
    raise SetupError(
        'A mixture with a controller needs a prediction that depends on trained weights; unfreeze its layer.'
    )
