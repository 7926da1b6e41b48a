"""Snapshots of the state of objects."""

from __future__ import annotations

from typing import Any

from mmautoloss.proxy.state.contents import save
from mmautoloss.proxy.state.parts import is_whole, reachable


class Snapshot:
    """The state of objects and of all objects reachable from them, to be restored later.

    The objects are restored in place. Large data that trainings do not change, such as annotations (``parts.STORES``), is
    not copied.

    Args:
        roots: The objects.

    Example:
        >>> counter = {'calls': 0, 'seen': []}
        >>> snapshot = Snapshot(counter)
        >>> counter['calls'] += 1; counter['seen'].append('image')
        >>> snapshot.changed()
        True
        >>> snapshot.restore()
        >>> counter
        {'calls': 0, 'seen': []}
    """

    def __init__(self, *roots: Any) -> None:
        things = (thing for _, thing in reachable({f'[{k}]': root for k, root in enumerate(roots)}))
        self._contents = [contents for thing in things if not is_whole(thing) for contents in save(thing)]

    def changed(self) -> bool:
        """Whether any state has changed."""
        return any(contents.changed() for contents in self._contents)

    def restore(self) -> None:
        """Restores all state that has changed."""
        for contents in self._contents:
            if contents.changed():
                contents.restore()
