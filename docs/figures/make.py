"""Draws the figures of docs/how_it_works.md: ``python docs/figures/make.py``, half a minute.

Each figure is first data, which a test reads, and then an SVG beside this file. All are computed on the made-up probes of
the benchmarks, so that they come out the same everywhere, up to the last digits.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / 'benchmarks/speed'))

from probes import KNOWN, made_up_probes  # noqa: E402

from mmautoloss.expr import MUTATIONS, Tree, parse, random_tree  # noqa: E402
from mmautoloss.losses import plain_loss  # noqa: E402
from mmautoloss.screen import REASONS, FastScreen, RejectionTest  # noqa: E402
from mmautoloss.screen.native.lowering import lower  # noqa: E402
from mmautoloss.screen.native.sample_arrays import DescentSettings, divisor_of  # noqa: E402
from mmautoloss.screen.native.scored_descent import ScoredDescent  # noqa: E402

SHARES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.16, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Of the steps of a descent, where its gain is read."""

LOSSES = {
    'cross-entropy': KNOWN['rpn_objectness'],
    'squared error': '(p - y) ** 2',
    'p * exp(-y * p)': 'p * exp(-y * p)',
    'raises the positives only': '-(p * y)',
    'cross-entropy, negated': '-(' + KNOWN['rpn_objectness'] + ')',
}
"""What the figure of the rejection test shows, on the objectness of an RPN."""

INK, MUTED, GOOD, POOR = '#24292f', '#8c959f', '#0969da', '#bc4c00'


class Node(NamedTuple):
    """A node of a drawn tree: text, place, and the place of its parent, if any."""

    text: str
    x: float
    y: float
    parent: tuple[float, float] | None


def gains(texts: Sequence[str]) -> dict[str, list[float]]:
    """The gain of the metric at ``SHARES`` of a descent, by expression, on the objectness of an RPN."""
    probe, test = made_up_probes()['rpn_objectness'], RejectionTest()
    sample = test.sample(probe)
    scored = ScoredDescent(
        probe, sample, divisor_of(sample, probe.kind), DescentSettings(0, test.steps, test.lr, test.decay)
    )
    found = {}
    for text in texts:
        scored.load(lower(parse(text), probe.kind))
        found[text] = [0.0, *(scored.gain_at(share) for share in SHARES[1:])]
    return found


def funnel(draws: int) -> dict[str, Counter[str]]:
    """The verdicts on random graphs of depth 3, by probe."""
    counts = {}
    for name, probe in made_up_probes().items():
        screen = FastScreen(probe, RejectionTest(), plain_loss(parse(KNOWN[name]), probe.inputs))
        rng = random.Random(0)
        counts[name] = Counter(screen.judge(random_tree(rng, probe.kind.names, 3)).reason for _ in range(draws))
    return counts


def mutants() -> dict[str, Tree]:
    """A loss, and a child of it by each mutation."""
    parent = parse('-y * log(p)')
    seeds = {'insert': 106, 'delete': 0, 'replace': 17}  # that show what each does
    return {
        'parent': parent,
        **{name: MUTATIONS[name](parent, random.Random(k), ('p', 'y')) for name, k in seeds.items()},
    }


def layout(tree: Tree, left: float = 0.0) -> list[Node]:
    """The nodes of a tree: leaves side by side, operators above the middle of their operands."""
    nodes: list[Node] = []

    def place(position: int, depth: int) -> float:
        children = [place(child, depth + 1) for child in tree.children(position)]
        nonlocal left
        if not children:
            left += 1
        x = sum(children) / len(children) if children else left
        for k, node in enumerate(nodes):
            if node.parent is None and node.x in children and node.y == -depth - 1:
                nodes[k] = node._replace(parent=(x, -depth))
        nodes.append(Node(tree.nodes[position], x, -depth, None))
        return x

    place(0, 0)
    return nodes


def draw_gains(plt: Any, found: dict[str, list[float]], path: Path) -> None:
    """Gain against step."""
    figure, axes = plt.subplots(figsize=(6.4, 3.4))
    steps = [share * RejectionTest().steps for share in SHARES]
    for text in LOSSES.values():
        passes = found[text][-1] >= RejectionTest().eta
        axes.plot(steps, found[text], color=GOOD if passes else POOR)
    for name, height in spread({name: found[text][-1] for name, text in LOSSES.items()}, 0.14).items():
        axes.annotate(name, (102, height), va='center', color=INK, annotation_clip=False)
    axes.axhline(RejectionTest().eta, color=MUTED, linestyle='--', linewidth=1)
    axes.annotate('bar (screen.eta)', (1, RejectionTest().eta), xytext=(0, 4), textcoords='offset points', color=MUTED)
    axes.set(xlabel='step of the descent', ylabel='gain of the metric', xlim=(0, 100), ylim=(-1.05, 1.05))
    save(figure, path)


def spread(heights: dict[str, float], gap: float) -> dict[str, float]:
    """Heights for labels, the highest first, with room between them."""
    placed: dict[str, float] = {}
    for name, height in sorted(heights.items(), key=lambda each: -each[1]):
        placed[name] = min(height, min(placed.values(), default=2.0) - gap)
    return placed


def draw_funnel(plt: Any, counts: dict[str, Counter[str]], path: Path) -> None:
    """Shares of verdicts, a bar a probe."""
    colours = dict(zip(REASONS, (GOOD, '#d0d7de', '#afb8c1', '#8c959f', '#57606a', '#6e7781'), strict=True))
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    for row, count in enumerate(counts.values()):
        begin, total = 0.0, sum(count.values())
        for reason in (*REASONS[1:], REASONS[0]):
            axes.barh(row, count[reason] / total, left=begin, color=colours[reason], label=None if row else reason)
            begin += count[reason] / total
        accepted = count[REASONS[0]]
        axes.annotate(f'{accepted} of {total} accepted', (1.01, row), va='center', color=INK, annotation_clip=False)
    axes.set_yticks(range(len(counts)), [name.replace('_', ' ') for name in counts])
    axes.set(xlim=(0, 1), xlabel='share of random graphs')
    axes.invert_yaxis()
    axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.2), ncols=3, frameon=False)
    save(figure, path)


def draw_mutants(plt: Any, trees: dict[str, Tree], path: Path) -> None:
    """The trees side by side."""
    figure, all_axes = plt.subplots(1, len(trees), figsize=(8.4, 2.4))
    for axes, (name, tree) in zip(all_axes, trees.items(), strict=True):
        new = set(tree.nodes) - set(trees['parent'].nodes)
        for node in layout(tree):
            if node.parent:
                axes.plot([node.x, node.parent[0]], [node.y, node.parent[1]], color=MUTED, zorder=1)
            box = dict(boxstyle='round,pad=0.35', facecolor='white', edgecolor=GOOD if node.text in new else INK)
            axes.text(node.x, node.y, node.text, ha='center', va='center', color=INK, bbox=box, zorder=2)
        axes.set_title(f'{name}\n{tree}', fontsize=9, color=INK)
        axes.set_ylim(-tree.depth - 0.5, 0.5)
        axes.set_xlim(0.2, max(node.x for node in layout(tree)) + 0.8)
        axes.axis('off')
    save(figure, path)


STAGES = (
    ('probe', 'record the calls\nof the losses'),
    ('draw', 'a random graph,\nor a mutant'),
    ('reject', 'does descending it\nraise the metric?'),
    ('compare', 'is its gradient\na known one?'),
    ('train', 'a short training,\none score'),
    ('repeat', 'the best again,\nwith other seeds'),
)
"""What happens, in this order; the four in the middle again and again."""


def draw_stages(plt: Any, path: Path) -> None:
    """Boxes with arrows, and the way back from a score to the next draw."""
    figure, axes = plt.subplots(figsize=(10.5, 1.6))
    for k, (name, text) in enumerate(STAGES):
        axes.add_patch(plt.Rectangle((k - 0.42, -0.3), 0.84, 0.6, fill=False, edgecolor=GOOD if 0 < k < 5 else INK))
        axes.text(k, 0.18, name, ha='center', va='center', fontweight='bold', color=INK)
        axes.text(k, -0.09, text, ha='center', va='center', fontsize=8, color=INK)
        if k:
            axes.annotate('', (k - 0.42, 0), (k - 0.58, 0), arrowprops=dict(arrowstyle='-|>', color=INK))
    axes.plot([4, 4, 1], [-0.3, -0.62, -0.62], color=GOOD)
    axes.annotate('', (1, -0.3), (1, -0.63), arrowprops=dict(arrowstyle='-|>', color=GOOD))
    axes.text(2.5, -0.58, 'the journal: all that was trained so far', ha='center', fontsize=8, color=INK)
    axes.set(xlim=(-0.5, 5.5), ylim=(-0.75, 0.4))
    axes.axis('off')
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    """Writes an SVG that is the same for the same picture."""
    figure.savefig(path, bbox_inches='tight', metadata={'Date': None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default=HERE, help='folder of the figures')
    parser.add_argument('--draws', type=int, default=20000, help='random graphs a probe')
    args = parser.parse_args()
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot as plt

    plt.rcParams |= {'svg.fonttype': 'none', 'svg.hashsalt': 'mmautoloss', 'font.size': 9, 'font.family': 'sans-serif'}
    plt.rcParams |= {'axes.spines.top': False, 'axes.spines.right': False}
    torch.set_num_threads(1)
    draw_stages(plt, args.out / 'stages.svg')
    draw_mutants(plt, mutants(), args.out / 'mutations.svg')
    draw_gains(plt, gains(list(LOSSES.values())), args.out / 'rejection.svg')
    draw_funnel(plt, funnel(args.draws), args.out / 'funnel.svg')


if __name__ == '__main__':
    main()
