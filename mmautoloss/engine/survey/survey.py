"""What a survey answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Say = Callable[[str], None]


def unsaid(line: str) -> None:
    """Takes lines that nobody needs."""


@dataclass(frozen=True)
class Capture:
    """Which probes are captured.

    Attributes:
        path: The file into which they are saved.
        samples: Number of images.
        seed: Seed of weights and augmentation.
        side: Approximate largest side of a map, in pixels.
        saved: The saved training that candidates continue, as JSON; None for the initial weights.
    """

    path: str
    samples: int
    seed: int
    side: int
    saved: dict[str, Any] | None = None


class Survey(ABC):
    """Looks at the model and the data of each task; '' is that of a search of one.

    Attributes:
        elsewhere: Whether another process does, so that this one may not build the model on its device.
    """

    elsewhere = False

    @abstractmethod
    def look(self, say: Say) -> None:
        """Names the GPUs that are visible.

        Raises:
            SetupError: Torch has no code for one.
        """

    @abstractmethod
    def check(self, task: str, say: Say, others: Sequence[str] = ()) -> None:
        """Builds all, and validates once untrained, so that errors show before any training.

        Args:
            task: The task.
            say: Takes lines for the user.
            others: Further metrics that are wanted.

        Raises:
            SetupError: Something cannot be built, or gives no score.
        """

    @abstractmethod
    def untrained(self, task: str) -> float | None:
        """The value of the metric without training, once the task is checked; None where there is none to compare with."""

    @abstractmethod
    def capture(self, task: str, capture: Capture, say: Say) -> None:
        """Captures the probes, and saves them.

        Raises:
            SetupError: A loss cannot be recorded.
        """

    def close(self) -> None:  # noqa: B027 (in this process the evaluator belongs to the caller)
        """Ends the process, if there is one."""
