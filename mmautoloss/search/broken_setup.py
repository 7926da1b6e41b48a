"""Failed trials that tell of a broken set-up rather than of bad losses."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmautoloss.errors import SetupError
from mmautoloss.trial import State, Trial


def kind_of(reason: str) -> str:
    """What failures with the same cause have in common: the last line without its numbers.

    Example:
        >>> kind_of('Traceback ...' + chr(10) + 'RuntimeError: out of memory, tried 12.5 MiB at 0x7f21')
        'RuntimeError: out of memory, tried # MiB at #'
    """
    lines = reason.strip().splitlines()
    return re.sub(r'0x[0-9a-f]+|\d+(\.\d+)?', '#', lines[-1]) if lines else ''


def require_working(latest: Sequence[Trial], count: int) -> None:
    """Looks at the latest trained candidates.

    Args:
        latest: Settled candidates that were trained, newest last.
        count: How many that fail alike are too many; 0 for no such limit.

    Raises:
        SetupError: That many in a row failed for one cause which is not the loss.
    """
    last = latest[-count:] if count else []
    if not count or len(last) < count or any(trial.state is not State.FAILED for trial in last):
        return
    kinds = {kind_of(trial.required_outcome.reason) for trial in last}
    if len(kinds) == 1 and not last[-1].failed_by_itself:
        raise SetupError(
            f'The last {count} trials failed alike, so not the losses are at fault but the set-up. Mend it and go on with '
            f'--resume; budget.max_failures says how many are too many.\n{last[-1].required_outcome.reason}'
        )
