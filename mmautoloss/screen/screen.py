"""The screen of a branch: all cheap reasons to stop, in the order of their cost."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from mmautoloss.expr import Tree, canonical, without_pools
from mmautoloss.losses import InputKind, plain_loss
from mmautoloss.screen.fingerprint import (
    balance_weight,
    fingerprint,
    gradient_norms,
    gradient_signature,
    total_norm,
)
from mmautoloss.screen.probe import Objective, Probe
from mmautoloss.screen.rejection import RejectionTest

ACCEPTED = 'accepted'
REASONS = (ACCEPTED, 'no prediction', 'no target', 'zero gradient', 'not finite', 'low gain')
"""All verdicts, in the order in which they are found."""

_CACHE_SIZE = 20_000
"""Verdicts that a screen remembers, the latest; about half a kilobyte each."""


class Verdict(NamedTuple):
    """What a screen says of an expression.

    Attributes:
        reason: One of ``REASONS``.
        gain: Gain in the rejection test, where it was run.
        signature: What is compared of the weighted loss's gradient (``gradient_signature``), where taken.
        weight: Factor with which the loss is to be trained.
    """

    reason: str
    gain: float | None = None
    signature: tuple[float, ...] = ()
    weight: float = 1.0

    @property
    def accepted(self) -> bool:
        """Whether the expression is worth training."""
        return self.reason == ACCEPTED


class Screen(ABC):
    """Tells whether an expression is worth training; the verdict on an expression never changes.

    Attributes:
        kind: What the expressions read.
    """

    kind: InputKind

    @abstractmethod
    def judge(self, tree: Tree) -> Verdict:
        """The verdict on an expression."""

    def fingerprint(self, verdict: Verdict, digits: int) -> str:
        """Text that is equal for expressions which this screen takes for the same loss."""
        return fingerprint(verdict.signature, digits)

    def hand_made_fingerprint(self, digits: int) -> str:
        """The fingerprint of the loss that the model has; '' where it is not known."""
        return ''


class OpenScreen(Screen):
    """Accepts whatever has a gradient by algebra, or everything; for comparisons with a search without rejection.

    Args:
        kind: What the expressions read.
        static: Whether what has no gradient by algebra is turned down.
    """

    def __init__(self, kind: InputKind, static: bool = True) -> None:
        self.kind = kind
        self.static = static

    def judge(self, tree: Tree) -> Verdict:
        """Static tests only, or none."""
        return Verdict(_static_reason(tree, self.kind)[0] if self.static else ACCEPTED)


class ProbeScreen(Screen):
    """Static tests, the first gradient, and the rejection test on a probe; plain and clear, the reference.

    Args:
        probe: Samples of the branch.
        test: The rejection test.
        hand_made: The loss that the model has, or None where there is none.
        balance: Whether expressions get the weight that makes their gradient on the probe as long as that of the
            hand-made loss; False leaves their scale as it is (the published behaviour).
    """

    def __init__(self, probe: Probe, test: RejectionTest, hand_made: Objective | None, balance: bool = True) -> None:
        self.kind = probe.kind
        self.probe = probe
        self.test = test
        self._hand_made = hand_made
        self._reference = gradient_norms(hand_made, probe) if hand_made and balance else None
        self._joined = test.sample(probe)
        self._scattered = probe.scattered()
        self._has_maps = any(sample.pred.dim() == 4 for sample in probe.samples)
        self._verdicts: dict[tuple[str, ...], Verdict] = {}  # by the nodes of the canonical form, the oldest first

    def judge(self, tree: Tree) -> Verdict:
        """The verdict; expressions with the same canonical form share one."""
        reason, form = _static_reason(tree if self._has_maps else without_pools(tree), self.kind)
        if form is None:
            return Verdict(reason)
        verdict = self._verdicts.get(form.nodes)
        if verdict is None:
            # of the form, not of this tree: a verdict must not depend on which of its trees came first
            verdict = self._verdicts[form.nodes] = self._try(form)
            if len(self._verdicts) > _CACHE_SIZE:
                del self._verdicts[next(iter(self._verdicts))]
        return verdict

    def hand_made_fingerprint(self, digits: int) -> str:
        """The fingerprint of the hand-made loss, to which balanced expressions can be equal."""
        return fingerprint(gradient_signature(self._hand_made, self._scattered), digits) if self._hand_made else ''

    def _try(self, tree: Tree) -> Verdict:
        objective = plain_loss(tree, self.kind.name, self.probe.settings)
        norms = gradient_norms(objective, self.probe)
        reason = reason_of_norms(norms)
        if reason != ACCEPTED:
            return Verdict(reason)
        reason, gain = self._test(objective)
        if reason == 'not finite':
            return Verdict(reason)
        return self._weighed(reason, gain, norms, gradient_signature(objective, self._scattered))

    def _test(self, objective: Objective) -> tuple[str, float | None]:
        gain = self.test.gain(objective, self.probe, self._joined)
        return reason_of_gain(gain, self.test.eta), gain

    def _weighed(self, reason: str, gain: float | None, norms: Sequence[float], signature: Sequence[float]) -> Verdict:
        weight = balance_weight(norms, self._reference) if self._reference else 1.0
        return Verdict(reason, gain, tuple(value * weight for value in signature), weight)


class UntestedScreen(ProbeScreen):
    """All of ``ProbeScreen`` but the rejection test: for comparisons with a search that differs in nothing else."""

    def _test(self, objective: Objective) -> tuple[str, float | None]:
        return ACCEPTED, None


def reason_of_norms(norms: Sequence[float]) -> str:
    size = total_norm(norms)
    if not math.isfinite(size):
        return 'not finite'
    return ACCEPTED if size else 'zero gradient'


def reason_of_gain(gain: float, eta: float) -> str:
    if math.isnan(gain):
        return 'not finite'
    return ACCEPTED if gain >= eta else 'low gain'


def _static_reason(tree: Tree, kind: InputKind) -> tuple[str, Tree | None]:
    """The reason that needs no tensor, and the canonical form where there is none."""
    if kind.from_prediction.isdisjoint(tree.nodes):  # four of five random graphs end here: no algebra for them
        return 'no prediction', None
    if kind.from_target.isdisjoint(tree.nodes):
        return 'no target', None
    form = canonical(tree, kind.from_prediction)
    if form is None:
        return 'no prediction', None
    if kind.from_target.isdisjoint(form.inputs):
        return 'no target', None
    return ACCEPTED, form
