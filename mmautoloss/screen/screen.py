"""The screen of a branch: all cheap tests of an expression, in the order of their cost."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from mmautoloss.expr import Tree, canonical, inputs_of_gradient, without_pools
from mmautoloss.expr.overflow import ANY, cannot_overflow
from mmautoloss.losses import InputKind, is_custom, plain_loss
from mmautoloss.losses.call_inputs import evaluated
from mmautoloss.screen.fingerprints import (
    balance_weight,
    compared,
    fingerprint,
    gradient_norms,
    gradient_signature,
    stays_finite,
    total_norm,
)
from mmautoloss.screen.probe import Objective, Probe, Sample
from mmautoloss.screen.rejection import RejectionTest

ACCEPTED = 'accepted'
REASONS = (ACCEPTED, 'no prediction', 'no target', 'zero gradient', 'not finite', 'low gain')
"""All verdicts, in the order of the tests."""

_CACHE_SIZE = 20_000
"""Maximum number of verdicts that a screen keeps; each takes about half a kilobyte."""

_T = TypeVar('_T')


class Verdict(NamedTuple):
    """The verdict of a screen on an expression.

    Attributes:
        reason: One of ``REASONS``.
        gain: Gain in the rejection test, where it was run.
        signature: Gradient signature of the weighted loss (``gradient_signature``), where computed.
        weight: ``loss_weight`` for the training.
        tasks: The verdict of each task, in a search of several.
    """

    reason: str
    gain: float | None = None
    signature: tuple[float, ...] = ()
    weight: float = 1.0
    tasks: Mapping[str, Verdict] = MappingProxyType({})

    def weights(self, branch: str) -> dict[str, float]:
        """The weight by branch, or by ``TASK/BRANCH``."""
        if not self.tasks:
            return {branch: self.weight}
        return {f'{task}/{branch}': verdict.weight for task, verdict in self.tasks.items()}

    @property
    def accepted(self) -> bool:
        """Whether the expression is worth training."""
        return self.reason == ACCEPTED


class Screen(ABC):
    """Decides whether an expression is worth training; the verdict on an expression never changes.

    Attributes:
        kind: Kind of input of the expressions.
    """

    kind: InputKind

    @abstractmethod
    def judge(self, tree: Tree) -> Verdict:
        """The verdict on an expression."""

    def weigh(self, tree: Tree) -> Verdict:
        """The verdict with weight and signature even if rejected, for known losses, which are trained in any case."""
        return self.judge(tree)

    def fingerprint(self, verdict: Verdict, digits: int) -> str:
        """A text that is equal for expressions that this screen considers the same loss."""
        return fingerprint(verdict.signature, digits)

    def hand_made_fingerprint(self, digits: int) -> str:
        """The fingerprint of the model's hand-made loss; '' where it is unknown."""
        return ''


class OpenScreen(Screen):
    """Runs only the static tests or none, for comparisons with a search without rejection.

    Args:
        kind: Kind of input of the expressions.
        static: Whether expressions whose gradient is zero by algebra are rejected.
    """

    def __init__(self, kind: InputKind, static: bool = True) -> None:
        self.kind = kind
        self.static = static

    def judge(self, tree: Tree) -> Verdict:
        """The verdict of the static tests, or acceptance."""
        return Verdict(_static_reason(tree, self.kind)[0] if self.static else ACCEPTED)


class ProbeScreen(Screen):
    """The reference screen: static tests, the first gradient, and the rejection test on a probe.

    Args:
        probe: Samples of the branch.
        test: The rejection test.
        hand_made: The loss of the model, or None where there is none.
        balance: Whether expressions get a weight that scales their gradient on the probe to the norm of that of the
            hand-made loss; False leaves their scale unchanged (the published behaviour).
    """

    def __init__(self, probe: Probe, test: RejectionTest, hand_made: Objective | None, balance: bool = True) -> None:
        self.kind = probe.kind
        self.probe = probe
        self.test = test
        self._hand_made = hand_made
        self._reference = gradient_norms(hand_made, probe) if hand_made and balance else None
        self._joined = test.sample(probe)
        self._compared = compared(probe)
        self._has_maps = any(_has_maps(self.kind, sample) for sample in probe.samples)
        self._verdicts: dict[tuple[str, ...], Verdict] = {}  # by the nodes of the canonical form, the oldest first
        self._finite: dict[tuple[str, ...], bool] = {}  # by the nodes of an accepted expression, the oldest first

    def judge(self, tree: Tree) -> Verdict:
        """The verdict; expressions with the same canonical form share it, unless only one of them overflows."""
        reason, form = _static_reason(self._simplified(tree), self.kind)
        if form is None:
            return Verdict(reason)
        # test the form, not this tree: the verdict must not depend on which tree of the form came first
        verdict = _cached(self._verdicts, form, self._try)
        if verdict.accepted and not _cached(self._finite, tree, self._stays_finite):
            return Verdict('not finite')
        return verdict

    def weigh(self, tree: Tree) -> Verdict:
        """The verdict; weight and signature follow from the gradient even if the expression is rejected."""
        verdict = self.judge(tree)
        if verdict.signature or not self._stays_finite(tree):
            return verdict
        weighed = self._weighed(canonical(self._simplified(tree), self.kind.from_prediction) or tree)
        return verdict._replace(signature=weighed.signature, weight=weighed.weight)

    def hand_made_fingerprint(self, digits: int) -> str:
        """The fingerprint of the hand-made loss, which balanced expressions may share."""
        return fingerprint(gradient_signature(self._hand_made, self._compared), digits) if self._hand_made else ''

    def _simplified(self, tree: Tree) -> Tree:
        return tree if self._has_maps else without_pools(tree)

    def _try(self, tree: Tree) -> Verdict:
        weighed = self._weighed(tree)
        if not weighed.accepted:
            return weighed
        reason, gain = self._test(tree)
        return Verdict(reason) if reason == 'not finite' else weighed._replace(reason=reason, gain=gain)

    def _test(self, tree: Tree) -> tuple[str, float | None]:
        gain = self.test.gain(self._objective(tree), self.probe, self._joined)
        return reason_of_gain(gain, self.test.eta), gain

    def _weighed(self, tree: Tree) -> Verdict:
        """A verdict from the gradient alone, with weight and signature if it is finite and not zero."""
        norms = self._norms(tree)
        reason = reason_of_norms(norms)
        if reason != ACCEPTED:
            return Verdict(reason)
        weight = balance_weight(norms, self._reference) if self._reference else 1.0
        signature = tuple(value * weight for value in self._signature(tree))
        if not all(map(math.isfinite, signature)):
            return Verdict('not finite')
        return Verdict(ACCEPTED, None, signature, weight)

    def _norms(self, tree: Tree) -> tuple[float, ...]:
        return gradient_norms(self._objective(tree), self.probe)

    def _signature(self, tree: Tree) -> tuple[float, ...]:
        return gradient_signature(self._objective(tree), self._compared)

    def _stays_finite(self, tree: Tree) -> bool:
        reads_scores = self.kind.activation in ('sigmoid', 'softmax') and not is_custom(self.kind.name)
        if cannot_overflow(evaluated(tree, self.kind), None if reads_scores else ANY):
            return True
        return all(stays_finite(self._objective(tree), probe) for probe in (self.probe, self._compared))

    def _objective(self, tree: Tree) -> Objective:
        return plain_loss(tree, self.kind.name, self.probe.settings)


class UntestedScreen(ProbeScreen):
    """``ProbeScreen`` without the rejection test, for comparisons with a search that is otherwise the same."""

    def _test(self, tree: Tree) -> tuple[str, float | None]:
        return ACCEPTED, None


def reason_of_norms(norms: Sequence[float]) -> str:
    norm = total_norm(norms)
    if not math.isfinite(norm):
        return 'not finite'
    return ACCEPTED if norm else 'zero gradient'


def reason_of_gain(gain: float, eta: float) -> str:
    if math.isnan(gain):
        return 'not finite'
    return ACCEPTED if gain >= eta else 'low gain'


def _static_reason(tree: Tree, kind: InputKind) -> tuple[str, Tree | None]:
    """A reason for rejection without tensors, or ``ACCEPTED`` with the canonical form."""
    if kind.from_prediction.isdisjoint(tree.nodes):  # four of five random graphs end here, before any algebra
        return 'no prediction', None
    if kind.from_target.isdisjoint(tree.nodes):
        return 'no target', None
    form = canonical(tree, kind.from_prediction)
    if form is None:
        return 'no prediction', None
    if kind.from_target.isdisjoint(inputs_of_gradient(form, kind.from_prediction)):
        return 'no target', None
    return ACCEPTED, form


def _has_maps(kind: InputKind, sample: Sample) -> bool:
    """Whether windows of pools contain more than one cell."""
    rows = sample.rows(kind)
    return next(iter(kind.tensors(rows.pred, rows.target).values())).shape[2:] != (1, 1)


def _cached(cache: dict[tuple[str, ...], _T], tree: Tree, compute: Callable[[Tree], _T]) -> _T:
    """The cached result for a tree; the oldest entry of a full cache is removed."""
    if tree.nodes not in cache:
        cache[tree.nodes] = compute(tree)
        if len(cache) > _CACHE_SIZE:
            del cache[next(iter(cache))]
    return cache[tree.nodes]
