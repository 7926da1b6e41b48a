"""Deadlines of the worker of a slot."""

from __future__ import annotations

import time
from typing import Any

from mmautoloss.execute.limits import Limits
from mmautoloss.execute.slot import Job, Slot
from mmautoloss.trial import Pulse

_GRACE = 5.0
"""Seconds in which a worker may itself end a trial that has reached its time limit."""

_START = 600.0
"""Least limit in seconds for imports and the building of the model, which count no iterations."""


def overdue(slot: Slot[Any], job: Job, limits: Limits) -> str:
    """Why a worker must be killed; '' while it is within its limits."""
    now = time.monotonic()
    # the worker itself checks the limit after each iteration; this is for an iteration that does not end
    if job.limit is not None and slot.since is not None and now - slot.since > 1.1 * job.limit + _GRACE:
        return f'time limit: more than {job.limit:.0f} s{place_of(slot.pulse)}'
    floor = _START if slot.pulse.phase in ('start', 'build') else 0.0
    silence, stall = max(limits.silence, floor), max(limits.stall, floor)
    if slot.pulse.phase != 'start' and now - slot.heard > silence:
        return f'worker hung: nothing heard for {silence:.0f} s{place_of(slot.pulse)}'
    if now - slot.moved > stall:
        return f'worker hung: no iteration for {stall:.0f} s{place_of(slot.pulse)}'
    return ''


def place_of(pulse: Pulse) -> str:
    """Where a worker was at its last report."""
    return f' ({pulse.phase}, iteration {pulse.step}, {pulse.where or pulse.worker})'
