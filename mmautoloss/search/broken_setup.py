"""Detection of failures that are caused by a broken setup instead of bad losses."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmautoloss.errors import SetupError
from mmautoloss.trial import State, Trial


def kind_of(reason: str) -> str:
    """A text shared by failures with the same cause: the last line of the reason without its numbers.

    Example:
        >>> kind_of('Traceback ...' + chr(10) + 'RuntimeError: out of memory, tried 12.5 MiB at 0x7f21')
        'RuntimeError: out of memory, tried # MiB at #'
    """
    lines = reason.strip().splitlines()
    return re.sub(r'0x[0-9a-f]+|\d+(\.\d+)?', '#', lines[-1]) if lines else ''


def require_working(latest: Sequence[Trial], count: int) -> None:
    """Checks that the latest candidates did not all fail for a common cause.

    Args:
        latest: Settled candidates that were trained, newest last.
        count: Number of equal failures in a row that is an error; 0 for no limit.

    Raises:
        SetupError: The last ``count`` candidates failed for one cause other than the loss.
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
