"""The rejection test of AutoLoss-Zero: does descending a loss raise the metric, on the predictions themselves?

The published test does not say how the predictions are descended. Plain gradient descent depends wildly on scale and
reduction of a loss, so the default divides the gradient by its root mean square: a step then moves the
predictions by ``lr`` natural units on average, whatever the loss is multiplied with, and ``lr`` falls linearly to 0, so
that losses with a constant gradient such as L1 come to rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mmautoloss.checks import require_flag, require_number, require_whole
from mmautoloss.errors import SetupError
from mmautoloss.screen.probe import Objective, Probe, Sample

OPTIMIZERS = ('normalized', 'sgd', 'adam')
STARTS = ('scattered', 'captured')


@dataclass(frozen=True)
class RejectionTest:
    """Settings of the test.

    Attributes:
        eta: Least gain that is accepted; the published value is 0.6.
        steps: Number of steps.
        lr: Step size, in natural units of the prediction for ``'normalized'``.
        optimizer: ``'normalized'`` (see above), ``'sgd'`` (momentum 0.9) or ``'adam'``.
        decay: Whether the step size falls linearly to 0.
        early: After a quarter of the steps the gain must have reached this share of ``eta``, after an eighth it must
            be positive, or the test ends there; 0 runs every test to its end, as published.
        start: ``'scattered'`` begins at random predictions about the captured ones, so that a loss must bring down
            what is too high *and* raise what is too low; ``'captured'`` is the published start, where an untrained
            network says nearly the same of everything and to raise the positives alone looks perfect.

    Raises:
        SetupError: A value is out of range.
    """

    eta: float = 0.6
    steps: int = 100
    lr: float = 0.2
    optimizer: str = 'normalized'
    decay: bool = True
    early: float = 0.1
    start: str = 'scattered'

    def __post_init__(self) -> None:
        require_whole('steps', self.steps, None)
        require_number('lr', self.lr, None)
        require_number('eta', self.eta, None)
        require_number('early', self.early)
        require_flag('decay', self.decay)
        if self.steps < 1 or self.lr <= 0:
            raise SetupError(f'steps and lr must be positive, but got {self.steps} and {self.lr}.')
        if self.optimizer not in OPTIMIZERS:
            raise SetupError(f'optimizer must be one of {", ".join(OPTIMIZERS)}, but got {self.optimizer!r}.')
        if self.start not in STARTS:
            raise SetupError(f'start must be one of {", ".join(STARTS)}, but got {self.start!r}.')

    def sample(self, probe: Probe) -> Sample:
        """All samples of a probe as one call, at the predictions where the test begins."""
        return (probe.scattered() if self.start == 'scattered' else probe).joined()

    def gain(self, objective: Objective, probe: Probe, joined: Sample | None = None) -> float:
        """The gain of the metric, as a share of the largest possible gain.

        Args:
            objective: The loss.
            probe: Samples and metric.
            joined: ``self.sample(probe)``, if at hand.

        Returns:
            ``(xi* - xi0) / (1 - xi0)``; NaN if the gradient left the finite numbers.
        """
        sample = joined or self.sample(probe)
        start = probe.score(sample.pred, sample)

        def gain_at(pred: Tensor) -> float:
            return (probe.score(pred, sample) - start) / max(1 - start, 1e-6)

        final = self._descend(objective, sample, probe.kind.unit(sample.pred, sample.target), gain_at)
        return math.nan if final is None else gain_at(final)

    def _descend(
        self, objective: Objective, sample: Sample, unit: Tensor, gain_at: Callable[[Tensor], float]
    ) -> Tensor | None:
        """The optimised predictions, or None where a gradient or prediction is not finite."""
        least = {self.steps // 8: 1e-6, self.steps // 4: self.early * self.eta} if self.early else {}
        moved = torch.zeros_like(sample.pred).requires_grad_()
        optimizer = self._build_optimizer(moved)
        for step in range(self.steps):
            pred = sample.pred + unit * moved
            if step and step in least and not gain_at(pred.detach()) >= least[step]:
                break
            loss = sample.loss(objective, pred)
            if not loss.requires_grad:
                break
            (gradient,) = torch.autograd.grad(loss, moved)
            size = gradient.square().mean().sqrt()
            if not torch.isfinite(size):
                return None
            if size == 0:
                break
            moved.grad = gradient / size if self.optimizer == 'normalized' else gradient
            for group in optimizer.param_groups:
                group['lr'] = self.lr * (1 - step / self.steps if self.decay else 1)
            optimizer.step()
        final = (sample.pred + unit * moved).detach()
        return final if torch.isfinite(final).all() else None

    def _build_optimizer(self, moved: Tensor) -> torch.optim.Optimizer:
        if self.optimizer == 'adam':
            return torch.optim.Adam([moved], lr=self.lr)
        momentum = 0.9 if self.optimizer == 'sgd' else 0.0
        return torch.optim.SGD([moved], lr=self.lr, momentum=momentum)
