"""The ancestry of a loss: the line of trials from which it was bred, and the change in each step."""

from __future__ import annotations

from typing import NamedTuple

from mmautoloss.expr import Tree
from mmautoloss.report.facts.table import Table
from mmautoloss.trial import History, Scale, Trial


class Change(NamedTuple):
    """The change of the expression of a branch.

    Attributes:
        branch: Name of the branch.
        before: The parent's expression; '' for the first of a line.
        after: The child's expression.
        removed: The smallest part of ``before`` that differs.
        added: The part of ``after`` in its place.
        start: Position of both parts: ``before[start:start + len(removed)] == removed``, likewise for ``after``.
    """

    branch: str
    before: str
    after: str
    removed: str
    added: str
    start: int = 0


class Ancestor(NamedTuple):
    """A trial on the way to a loss.

    Attributes:
        number: Its number.
        origin: The mutation of its parent, such as ``insert(rpn_cls)``, or the source of the first one.
        score: Its score.
        changes: Differences from its parent; for the first one all its expressions, for a copy none.
    """

    number: int
    origin: str
    score: float | None
    changes: tuple[Change, ...]


def ancestry_of(history: History, trial: Trial, scale: Scale) -> tuple[Ancestor, ...]:
    """The line of a trial, oldest first, with scores as the metric reports them.

    A repetition with another seed gives the line of the repeated trial; hand-made losses have no expressions and thus an
    empty line.

    Args:
        history: All trials.
        trial: The last of the line.
        scale: Scale of the search's metric.
    """
    member: Trial | None = trial if trial.repeats is None else history[trial.repeats]
    line = []
    while member is not None and member.genome is not None:
        parent = _parent(history, member)
        line.append(Ancestor(member.number, member.origin, scale.shown(member.score), changes_of(parent, member)))
        member = parent
    return tuple(reversed(line))


def _parent(history: History, trial: Trial) -> Trial | None:
    if trial.parent is None or trial.parent >= trial.number:
        return None
    parent = history[trial.parent]
    return parent if parent.genome is not None else None


def changes_of(parent: Trial | None, child: Trial) -> tuple[Change, ...]:
    """The differences between the expressions of two trials; all expressions of the child without a parent."""
    trees = child.required_genome
    if parent is None:
        return tuple(Change(name, '', str(tree), '', str(tree)) for name, tree in trees.items())
    before = parent.required_genome
    return tuple(change_of(name, before[name], tree) for name, tree in trees.items() if tree != before[name])


def change_of(branch: str, before: Tree, after: Tree) -> Change:
    """The smallest sub-expressions in which two expressions differ, and their position in the texts.

    A part includes the brackets around it. Where a sign or a division merges with the surrounding text, as in ``a - b``,
    the next larger part is used.

    Example:
        >>> from mmautoloss.expr import parse
        >>> change = change_of('cls', parse('-y * log(p)'), parse('-y * log(1 - p)'))
        >>> change.removed, change.added, change.start
        ('p', '1 - p', 9)
    """
    splits = ((_split(before, position), _split(after, position)) for position in reversed(_path(before, after)))
    old, new = next((old, new) for old, new in splits if old and new)  # the root can always be split
    return Change(branch, str(before), str(after), old[1], new[1], len(old[0]))


def ancestry_table(line: tuple[Ancestor, ...]) -> Table:
    """A row for each change, and for each trial without one."""
    rows = []
    for step, ancestor in enumerate(line):
        changes = ancestor.changes or (Change('', '', '', '', ''),)
        rows += [(step, ancestor.number, ancestor.origin, ancestor.score, *change[:5]) for change in changes]
    return Table(('step', 'trial', 'origin', 'score', 'branch', 'before', 'after', 'removed', 'added'), tuple(rows))


def _path(before: Tree, after: Tree) -> list[int]:
    """Positions from the root down to the smallest part that differs, the same in both trees."""
    path = [0]
    while before.nodes[path[-1]] == after.nodes[path[-1]]:
        pairs = list(zip(before.children(path[-1]), after.children(path[-1]), strict=True))
        differing = [pair for pair in pairs if before.subtree(pair[0]) != after.subtree(pair[1])]
        if len(differing) != 1:
            break
        path.append(differing[0][0])
    return path


_MARK = Tree(('MARK',))


def _split(tree: Tree, position: int) -> tuple[str, str, str] | None:
    """The text before, of and after a sub-expression; None where its text depends on the surrounding expression."""
    text = str(tree)
    head, tail = str(tree.replace(position, _MARK)).split(_MARK.root)
    if text.startswith(head) and text.endswith(tail) and len(head) + len(tail) < len(text):
        return head, text[len(head) : len(text) - len(tail)], tail
    return None
