"""The slots of an executor, the jobs that wait for one, and the slots that are retired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Generic

from mmautoloss.errors import SetupError
from mmautoloss.execute.slot import MAX_FAULTS, Job, Slot, W


class SlotTable(Generic[W]):
    """Slots and waiting jobs; not safe for threads, except that slots may be read.

    Args:
        names: Names of the workers, one a slot.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._slots: list[Slot[W]] = [Slot(name) for name in names]
        self._waiting: list[Job] = []

    def __iter__(self) -> Iterator[Slot[W]]:
        return iter(self._slots)

    def __getitem__(self, index: int) -> Slot[W]:
        return self._slots[index]

    @property
    def in_use(self) -> list[Slot[W]]:
        """The slots that are not retired."""
        return [slot for slot in self._slots if not slot.retired]

    @property
    def jobs(self) -> list[Job]:
        """All jobs, with a slot or without."""
        return [*self._waiting, *(slot.job for slot in self._slots if slot.job is not None)]

    def add(self, job: Job) -> None:
        """Gives a job to a free slot.

        Raises:
            RuntimeError: All are busy.
        """
        if len(self.jobs) >= len(self._slots):
            raise RuntimeError(f'All {len(self.in_use)} workers are busy.')
        self._waiting.append(job)
        self._hand_out()

    def free(self, slot: Slot[W]) -> None:
        """Ends the job of a slot, which then takes one that waits."""
        slot.pulse = replace(slot.pulse, phase='idle', step=0, trial=None)
        slot.job = None
        self._hand_out()

    def move(self, slot: Slot[W], job: Job) -> None:
        """Gives the job of a slot to another one whose device it has not spoilt, as soon as that is free."""
        self._waiting.append(job)
        self.free(slot)

    def untried(self, job: Job) -> list[Slot[W]]:
        """The slots in use whose device a job has not spoilt."""
        return [slot for slot in self.in_use if slot not in job.spoilt]

    def retire(self, slot: Slot[W], place: str) -> None:
        """Uses a slot no more.

        Args:
            slot: The slot, whose device has failed ``MAX_FAULTS`` times in a row.
            place: Its device, as far as it is known.

        Raises:
            SetupError: No slot is left.
        """
        last = [line for line in list(slot.faults.values())[-1].splitlines() if line.strip()][-1:]
        slot.retired = ': '.join([*filter(None, [place]), f'failed {MAX_FAULTS} times in a row', *last])
        if not self.in_use:
            raise SetupError(
                'No worker is left, since the device of each has failed again and again. Mend that, or make other devices '
                'visible, and go on with --resume, which measures the running trials again.\n' + '\n'.join(self.told)
            )

    @property
    def told(self) -> list[str]:
        """A line for each slot that is retired."""
        return [f'{slot.pulse.worker} is no longer used: {slot.retired}' for slot in self._slots if slot.retired]

    def _hand_out(self) -> None:
        """Gives waiting jobs to free slots."""
        for job in list(self._waiting):
            free = [slot for slot in self.untried(job) or self.in_use if slot.job is None]
            if free:
                # a slot that has lost its last workers, perhaps because of a broken GPU, is used only if no other is free
                slot = min(free, key=lambda slot: (len(slot.faults), slot.losses))
                self._waiting.remove(job)
                slot.begun = False  # set before the job, which the supervisor thread polls
                slot.job = job
