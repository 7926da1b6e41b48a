"""Verdict against step: how early could a descent have been ended?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmautoloss.expr import Tree, canonical
from mmautoloss.screen import Probe, RejectionTest
from mmautoloss.screen.native.lowering import lower
from mmautoloss.screen.native.sample_arrays import DescentSettings, divisor_of
from mmautoloss.screen.native.scored_descent import ScoredDescent

SHARES = (0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
MOST = 200
"""Expressions of a probe that are drawn."""


class Curves(NamedTuple):
    """Of one probe.

    Attributes:
        steps: Steps that are looked at.
        accepted: Gains there of what is accepted at the end (n, steps).
        rejected: Gains there of what is rejected at the end, NaN as -1.
    """

    steps: list[int]
    accepted: np.ndarray
    rejected: np.ndarray

    def share_right(self, eta: float) -> tuple[np.ndarray, np.ndarray]:
        """Shares of both that a test which ended at a step would have judged as it does at the end."""
        return (self.accepted >= eta).mean(axis=0), (self.rejected < eta).mean(axis=0)


def curves(probe: Probe, trees: Sequence[Tree]) -> Curves:
    """Descends expressions on the whole probe and looks on the way."""
    test = RejectionTest(early=0)
    sample = test.sample(probe)
    settings = DescentSettings(0, test.steps, test.lr, test.decay)
    scored = ScoredDescent(probe, sample, divisor_of(sample, probe.kind), settings)
    forms = dict.fromkeys(canonical(tree, probe.kind.from_prediction) for tree in trees)
    rows = []
    for form in list(forms)[:MOST]:
        if form is None or probe.kind.from_target.isdisjoint(form.inputs):
            continue
        scored.load(lower(form, probe.kind))
        rows.append([scored.gain_at(share) for share in SHARES])
    gains = np.nan_to_num(np.array(rows), nan=-1.0)
    passed = gains[:, -1] >= test.eta
    return Curves([round(share * test.steps) for share in SHARES], gains[passed], gains[~passed])


def plot_gains(trees: Mapping[str, Sequence[Tree]], probes: Mapping[str, Probe], path: Path) -> None:
    """Draws one panel a probe into a picture."""
    import matplotlib

    matplotlib.use('agg')
    from matplotlib import pyplot

    eta = RejectionTest().eta
    columns = 4
    figure, axes = pyplot.subplots(-(-len(probes) // columns), columns, figsize=(13, 6), sharex=True, sharey=True)
    for axis in axes.flat[len(probes) :]:
        axis.set_visible(False)
    for axis, (name, probe) in zip(axes.flat, probes.items(), strict=False):
        found = curves(probe, trees[name])
        for share, label, colour in zip(
            found.share_right(eta),
            ('accepted at the end', 'rejected at the end'),
            ('tab:blue', 'tab:red'),
            strict=True,
        ):
            axis.plot(found.steps, share, label=label, color=colour, marker='.')
        axis.set_title(f'{name} ({len(found.accepted)} / {len(found.rejected)})', fontsize=10)
        axis.set_xscale('log')
        axis.grid(alpha=0.3)
    figure.supxlabel('step at which the verdict would be taken, of 100')
    figure.supylabel('share of verdicts that are those of the end')
    axes.flat[0].legend(fontsize=8)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
