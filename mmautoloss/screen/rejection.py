"""The rejection test of AutoLoss-Zero: whether gradient descent on the predictions themselves raises the metric.

The publication does not specify the optimizer. Plain gradient descent depends strongly on the scale and reduction of a
loss, so the default divides the gradient by its root mean square: a step then moves the predictions by ``lr`` natural
units on average, independent of any factor of the loss. ``lr`` falls linearly to 0, so that losses with a constant
gradient, such as L1, converge.

For a loss that reads it, the elapsed share of the training is that of the descent: step i of n has i / n. Such a loss may
have no gradient in some steps, which then change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mmautoloss.checks import require_flag, require_number, require_whole
from mmautoloss.errors import SetupError
from mmautoloss.losses.elapsed import training_at, varies
from mmautoloss.screen.probe import Objective, Probe, Sample

OPTIMIZERS = ('normalized', 'sgd', 'adam')
STARTS = ('scattered', 'captured')


@dataclass(frozen=True)
class RejectionTest:
    """Settings of the test.

    Attributes:
        eta: Minimum accepted gain; the published value is 0.6.
        steps: Number of steps.
        lr: Step size, in natural units of the prediction for ``'normalized'``.
        optimizer: ``'normalized'`` (see above), ``'sgd'`` (momentum 0.9) or ``'adam'``.
        decay: Whether the step size falls linearly to 0.
        early: The test ends early unless the gain is positive after an eighth of the steps and has reached this share of
            ``eta`` after a quarter; 0 runs every test to its end, as published.
        start: ``'scattered'`` starts at random predictions around the captured ones, so that a loss must lower
            predictions that are too high *and* raise those that are too low; ``'captured'`` is the published start, where
            the predictions of the untrained network are nearly equal, so that raising the positives alone looks perfect.

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
        """All samples of a probe as one call, at the initial predictions of the test."""
        return (probe.scattered() if self.start == 'scattered' else probe).joined()

    def gain(self, objective: Objective, probe: Probe, joined: Sample | None = None) -> float:
        """The gain of the metric, as a share of the largest possible gain.

        Args:
            objective: The loss.
            probe: Samples and metric.
            joined: ``self.sample(probe)``, if already computed.

        Returns:
            ``(xi* - xi0) / (1 - xi0)``; NaN if a gradient or prediction was not finite.
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
        min_gains = {self.steps // 8: 1e-6, self.steps // 4: self.early * self.eta} if self.early else {}
        shift = torch.zeros_like(sample.pred).requires_grad_()
        optimizer = self._build_optimizer(shift)
        for step in range(self.steps):
            pred = sample.pred + unit * shift
            if step and step in min_gains and not gain_at(pred.detach()) >= min_gains[step]:
                break
            with training_at(step / self.steps):
                loss = sample.loss(objective, pred)
            if not loss.requires_grad:
                break
            (gradient,) = torch.autograd.grad(loss, shift)
            rms = gradient.square().mean().sqrt()
            if not torch.isfinite(rms):
                return None
            if rms == 0 and varies(objective):
                continue
            if rms == 0:
                break
            shift.grad = gradient / rms if self.optimizer == 'normalized' else gradient
            for group in optimizer.param_groups:
                group['lr'] = self.lr * (1 - step / self.steps if self.decay else 1)
            optimizer.step()
        final = (sample.pred + unit * shift).detach()
        return final if torch.isfinite(final).all() else None

    def _build_optimizer(self, shift: Tensor) -> torch.optim.Optimizer:
        if self.optimizer == 'adam':
            return torch.optim.Adam([shift], lr=self.lr)
        momentum = 0.9 if self.optimizer == 'sgd' else 0.0
        return torch.optim.SGD([shift], lr=self.lr, momentum=momentum)
