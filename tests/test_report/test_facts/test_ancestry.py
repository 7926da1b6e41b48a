"""The line of a loss, and what each of its steps changed."""

from __future__ import annotations

import random

import pytest

from mmautoloss.expr import Genome, mutate, parse, random_tree
from mmautoloss.report.facts.ancestry import Change, ancestry_of, ancestry_table, change_of
from mmautoloss.report.figures.ancestry import draw_ancestry
from mmautoloss.trial import History, Outcome, Role, Scale, State, Trial

SCALE = Scale('mAP', greater=True)


def history() -> History:
    """Hand-made, a seed, a child that is the same loss, a grandchild, one that failed, and a repetition."""
    made = History()
    made.add(Trial(0, Role.BASELINE, 0, origin='hand-made'))
    made.settle(0, Outcome(State.COMPLETE, 0.3))
    for number, (parent, cls, box, origin, outcome) in enumerate(
        [
            (None, '-y * log(p)', 'abs(p - y)', 'known', Outcome(State.COMPLETE, 0.4)),
            (1, '-y * log(p)', 'abs(abs(p - y))', 'insert(box)', Outcome(State.EQUIVALENT, 0.4, reason='trial 1')),
            (2, '-y * log(p * p)', 'abs(abs(p - y))', 'insert(cls)', Outcome(State.COMPLETE, 0.5)),
            (1, '-y * log(p)', 'exp(p - y)', 'replace(box)', Outcome(State.FAILED, reason='not finite: loss')),
        ],
        1,
    ):
        genome = Genome.from_text({'cls': cls, 'box': box})
        role = Role.KNOWN if parent is None else Role.SEARCH
        made.add(Trial(number, role, 0, genome, parent=parent, origin=origin))
        made.settle(number, outcome)
    made.add(Trial(5, Role.FINALIST, 1, made[3].genome, parent=3, origin='repeat', repeats=3))
    made.settle(5, Outcome(State.COMPLETE, 0.45))
    return made


def test_the_line_of_a_trial() -> None:
    line = ancestry_of(history(), history()[3], SCALE)
    assert [(each.number, each.origin, each.score) for each in line] == [
        (1, 'known', 0.4),
        (2, 'insert(box)', 0.4),
        (3, 'insert(cls)', 0.5),
    ]
    assert line[0].changes == (
        Change('cls', '', '-y * log(p)', '', '-y * log(p)'),
        Change('box', '', 'abs(p - y)', '', 'abs(p - y)'),
    )
    assert line[1].changes == (Change('box', 'abs(p - y)', 'abs(abs(p - y))', 'p - y', 'abs(p - y)', 4),)
    assert line[2].changes == (Change('cls', '-y * log(p)', '-y * log(p * p)', 'p', 'p * p', 9),)


def test_repetitions_failures_copies_and_hand_made_losses() -> None:
    made = history()
    assert ancestry_of(made, made[5], SCALE) == ancestry_of(made, made[3], SCALE)
    assert [each.score for each in ancestry_of(made, made[4], SCALE)] == [0.4, None]
    assert ancestry_of(made, made[0], SCALE) == ()
    made.add(Trial(6, Role.SEARCH, 0, made[3].genome, parent=3, origin='copy'))
    assert ancestry_of(made, made[6], SCALE)[-1].changes == ()
    made.add(Trial(7, Role.SEARCH, 0, made[3].genome, parent=0, origin='fresh(cls)'))
    assert [each.number for each in ancestry_of(made, made[7], SCALE)] == [7]


@pytest.mark.parametrize(
    ('before', 'after', 'removed', 'added'),
    [
        ('-y * log(p)', '-y * log(1 - p)', 'p', '1 - p'),
        ('(p - y) ** 2', '((p - y) ** 2) ** 2', '(p - y)', '((p - y) ** 2)'),
        ('abs(p - y)', 'abs(p + y)', 'p - y', 'p + y'),  # the sign is part of the sum that is written
        ('p / y', 'p / (1 + y)', 'y', '(1 + y)'),
        ('p / y', 'p * y', 'p / y', 'p * y'),
        ('p + y', 'p * y', 'p + y', 'p * y'),
        ('exp(p) + log(y)', 'exp(1) + log(1)', 'exp(p) + log(y)', 'exp(1) + log(1)'),
        ('tanh(p) * y', 'tanh(-p) * y', 'p', '-p'),
    ],
)
def test_the_part_that_changed(before: str, after: str, removed: str, added: str) -> None:
    change = change_of('cls', parse(before), parse(after))
    assert (change.removed, change.added) == (removed, added)


def test_every_mutation_is_marked_where_it_happened() -> None:
    rng, parts = random.Random(0), []
    for _ in range(2000):
        before = random_tree(rng, ('p', 'y'), rng.randint(1, 4))
        after = mutate(before, rng, ('p', 'y'), 40)[0]
        if before == after:
            continue
        change = change_of('cls', before, after)
        old, new = change.start + len(change.removed), change.start + len(change.added)
        assert (change.before, change.after) == (str(before), str(after))
        assert change.before[change.start : old] == change.removed
        assert change.after[change.start : new] == change.added
        assert (change.before[: change.start], change.before[old:]) == (
            change.after[: change.start],
            change.after[new:],
        )
        assert parse(change.removed) != parse(change.added)  # both are expressions
        parts.append(len(change.removed) < len(change.before))
    assert sum(parts) > len(parts) / 2  # mostly a part and not all, though trees are small


def test_the_drawing_and_its_table() -> None:
    made = history()
    line = ancestry_of(made, made[3], SCALE)
    figure = draw_ancestry('line', 'Line', line, made.baseline_scores())
    assert figure.table == ancestry_table(line)
    assert figure.table.column('trial') == [1, 1, 2, 3]
    assert figure.table.column('added') == ['-y * log(p)', 'abs(p - y)', 'abs(p - y)', 'p * p']
    assert 'var(--base)' in figure.svg and 'var(--found)' in figure.svg
    assert 'var(--base)' not in draw_ancestry('line', 'Line', line, []).svg


def test_long_lines_and_lines_without_scores_are_drawn() -> None:
    made = history()
    (first, *_), (*_, failed) = ancestry_of(made, made[3], SCALE), ancestry_of(made, made[4], SCALE)
    line = [first._replace(number=number) for number in range(200)]
    assert draw_ancestry('long', '', line, [0.3]).svg.count('<g id="xtick_') <= 15
    assert draw_ancestry('unscored', '', [failed], []).svg.startswith('<svg')


def test_scores_are_as_the_metric_reports_them() -> None:
    made = history()
    shown = [each.score for each in ancestry_of(made, made[3], SCALE._replace(greater=False))]
    assert shown == [None if each.score is None else -each.score for each in ancestry_of(made, made[3], SCALE)]
