"""The state of objects at a moment, to which they can be brought back."""

from __future__ import annotations

from typing import Any

from mmautoloss.proxy.state.contents import held
from mmautoloss.proxy.state.parts import is_whole, reachable


class Snapshot:
    """What objects, and whatever is reached from them, hold now.

    The objects stay the same ones, and so does what is large and belongs to nobody's training, such as annotations
    (``parts.STORES``): nothing of it is copied.

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
        self._held = [each for thing in things if not is_whole(thing) for each in held(thing)]

    def changed(self) -> bool:
        """Whether anything is other than it was."""
        return any(each.changed() for each in self._held)

    def restore(self) -> None:
        """Brings everything back; what is as it was is not touched."""
        for each in self._held:
            if each.changed():
                each.put()
