"""What weighs the losses of a mixture: one weight vector of a branch, or one of each example.

The weights of examples follow AutoLoss (Zhao et al., KDD 2021, arXiv 2106.06713): a small network sees label and prediction
of one example, and gives the weights, with Gumbel noise and a falling temperature if wanted.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mmautoloss.checks import require_flag, require_number, require_whole
from mmautoloss.errors import SetupError
from mmautoloss.losses.elapsed import elapsed_share
from mmautoloss.losses.inputs import InputKind

PER = ('example', 'branch')


class Controller(nn.Module):
    """Weights that sum up to 1, at first all equal.

    Its parameters need no gradient, so that optimisers and wrappers of the model leave them alone; ``MixtureHook`` trains
    them.

    Args:
        count: Number of losses K.
        kind: Kind of input.
        per: ``'example'``, or ``'branch'`` for the same weights everywhere.
        hidden: Width of the hidden layer, for examples.
        gumbel: Whether weights are drawn in training: softmax((logits + Gumbel noise) / temperature).
        temperature: Divisor of the logits, or its value at the begin and at the end of the training, between which it
            falls exponentially.
        seed: Seed of the noise.

    Raises:
        SetupError: A setting has no meaning, or examples of this kind have no description.
    """

    calls: Tensor

    def __init__(
        self,
        count: int,
        kind: InputKind,
        per: str = 'example',
        hidden: int = 8,
        gumbel: bool = False,
        temperature: Any = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if per not in PER:
            raise SetupError(f'controller.per must be one of {", ".join(PER)}, but got {per!r}.')
        require_whole('controller.hidden', hidden, 1)
        require_flag('controller.gumbel', gumbel)
        require_whole('controller.seed', seed)
        self.kind, self.per, self.gumbel, self.seed = kind, per, gumbel, seed
        self.temperatures = _read_temperatures(temperature)
        if per == 'example' and not is_described(kind):
            raise SetupError(
                f"controller.per='example' describes an example by its p and y, which inputs={kind.name!r} do not have; "
                "use per='branch'."
            )
        self.scores = nn.Parameter(torch.zeros(count))
        self.network = _network(len(features_of(kind)), hidden, count) if per == 'example' else None
        self.register_buffer('calls', torch.zeros((), dtype=torch.long))
        self.requires_grad_(False)

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """The weights of the losses.

        Args:
            pred: Raw predictions (M, ...) of rows that count.
            target: Their targets.

        Returns:
            (K,) of a branch; else (M, C, H, W, K), or with C = 1 where an example is a row or pixel.
        """
        scores: Tensor = self.scores
        if self.network is not None:
            examples = describe(self.kind, pred.detach(), target)
            scores = scores + self.network(examples.to(scores.dtype))
        if self.gumbel and self.training:
            scores = scores + self._noise(scores)
        return (scores / self.temperature).softmax(dim=-1)

    def of_branch(self) -> Tensor:
        """The weights (K,) of a branch, without noise."""
        return (self.scores / self.temperature).softmax(dim=-1)

    @property
    def temperature(self) -> float:
        """The divisor of the logits now."""
        begin, end = self.temperatures
        return begin * (end / begin) ** elapsed_share()

    def _noise(self, scores: Tensor) -> Tensor:
        """Gumbel noise, a function of the seed and the number of the call, which is in checkpoints."""
        self.calls += 1
        generator = torch.Generator().manual_seed((self.seed << 32) + int(self.calls))
        uniform = torch.rand(scores.shape, generator=generator, dtype=torch.float64).clamp(1e-12, 1 - 1e-12)
        return -(-uniform.log()).log().to(scores)


def _network(features: int, hidden: int, count: int) -> nn.Sequential:
    """A network with one hidden layer, whose outputs are 0 at first."""
    last = nn.Linear(hidden, count, bias=False)
    nn.init.zeros_(last.weight)
    return nn.Sequential(nn.Linear(features, hidden), nn.Tanh(), last)


def is_described(kind: InputKind) -> bool:
    """Whether examples of a kind have a description that a controller reads."""
    return kind.name == 'area' or kind.names[:2] == ('p', 'y')


def features_of(kind: InputKind) -> tuple[str, str]:
    """The words for both numbers by which an example is described."""
    if kind.name == 'area':
        return 'i / u', 'u / e'
    return ('p of the label', 'largest other p') if kind.one_hot else ('p', 'y')


def describe(kind: InputKind, pred: Tensor, target: Tensor) -> Tensor:
    """Two numbers that describe each example.

    Args:
        kind: A kind for which ``is_described``.
        pred: Raw predictions (M, ...).
        target: Their targets.

    Returns:
        (M, C, H, W, 2), for labels of exclusive classes (M, 1, H, W, 2): the probability of the label and the largest other
        one. Values without bounds are mapped into (-1, 1) by x / (1 + abs(x)).
    """
    tensors = kind.tensors(pred, target)
    if kind.name == 'area':
        tiny = torch.finfo(pred.dtype).tiny
        ratios = [tensors[a] / tensors[b].clamp(min=tiny) for a, b in (('i', 'u'), ('u', 'e'))]
        return torch.stack(ratios, dim=-1)
    p, y = tensors['p'], tensors['y']
    if kind.one_hot:
        return torch.stack([(p * y).sum(1, keepdim=True), (p * (1 - y)).amax(1, keepdim=True)], dim=-1)
    both = torch.stack([p, y.expand(p.shape)], dim=-1)
    return nn.functional.softsign(both) if kind.activation in ('identity', '') else both


def _read_temperatures(value: Any) -> tuple[float, float]:
    values = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    if len(values) != 2:
        raise SetupError(f'controller.temperature must be a number, or those of begin and end, but got {value!r}.')
    for each in values:
        require_number('controller.temperature', each, 0, above=True)
    return values
