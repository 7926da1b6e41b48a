"""How a loss came about: the line of trials that it was bred from, and what each step changed."""

from __future__ import annotations

from typing import NamedTuple

from mmautoloss.expr import Tree
from mmautoloss.report.facts.table import Table
from mmautoloss.trial import History, Trial
from mmautoloss.trial.scale import Scale


class Change(NamedTuple):
    """What became of the expression of a branch.

    Attributes:
        branch: Name of the branch.
        before: The parent's expression; '' for the first of a line.
        after: The child's expression.
        removed: The smallest part of ``before`` that differs, as it stands there.
        added: What stands in its place in ``after``.
        start: Where both begin: ``before[start:start + len(removed)] == removed``, and so for ``after``.
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
        origin: What was done to its parent, such as ``insert(rpn_cls)``, or where the first one is from.
        score: Its score.
        changes: What differs from its parent; for the first one all its expressions, and none for a copy.
    """

    number: int
    origin: str
    score: float | None
    changes: tuple[Change, ...]


def ancestry_of(history: History, trial: Trial, scale: Scale) -> tuple[Ancestor, ...]:
    """The line of a trial, oldest first, with scores as the metric reports them.

    A repetition with another seed stands for the trial that it repeats; hand-made losses have no expressions, and so no
    line.

    Args:
        history: All trials.
        trial: The last of the line.
        scale: That of the search.
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
    """What differs between the expressions of two trials; all of the child where there is no parent."""
    trees = child.required_genome
    if parent is None:
        return tuple(Change(name, '', str(tree), '', str(tree)) for name, tree in trees.items())
    before = parent.required_genome
    return tuple(change_of(name, before[name], tree) for name, tree in trees.items() if tree != before[name])


def change_of(branch: str, before: Tree, after: Tree) -> Change:
    """The smallest sub-expressions in which two expressions differ, and where they stand in the texts.

    A part is marked with the brackets around it; where a sign or a division merges with what stands around it, as that of
    ``a - b`` does, the next larger part is marked.

    Example:
        >>> from mmautoloss.expr import parse
        >>> change = change_of('cls', parse('-y * log(p)'), parse('-y * log(1 - p)'))
        >>> change.removed, change.added, change.start
        ('p', '1 - p', 9)
    """
    parts = ((_split(before, position), _split(after, position)) for position in reversed(_path(before, after)))
    old, new = next((old, new) for old, new in parts if old and new)  # at the root at the latest
    return Change(branch, str(before), str(after), old[1], new[1], len(old[0]))


def ancestry_table(line: tuple[Ancestor, ...]) -> Table:
    """A row for each change, and for each trial without one."""
    rows = []
    for step, ancestor in enumerate(line):
        changes = ancestor.changes or (Change('', '', '', '', ''),)
        rows += [(step, ancestor.number, ancestor.origin, ancestor.score, *change[:5]) for change in changes]
    return Table(('step', 'trial', 'origin', 'score', 'branch', 'before', 'after', 'removed', 'added'), tuple(rows))


def _path(before: Tree, after: Tree) -> list[int]:
    """Positions from the root down to the smallest part that differs; they are the same in both trees."""
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
    """The text of a tree before, of and after a sub-expression; None where its text depends on what it stands in."""
    text = str(tree)
    head, tail = str(tree.replace(position, _MARK)).split(_MARK.root)
    if text.startswith(head) and text.endswith(tail) and len(head) + len(tail) < len(text):
        return head, text[len(head) : len(text) - len(tail)], tail
    return None
