"""The time, as something that tests can bring along."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Two clocks in seconds: one that people read, which may jump, and one that only goes on."""

    def time(self) -> float:
        """Unix time."""

    def monotonic(self) -> float:
        """Seconds since some moment."""


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's."""

    def time(self) -> float:
        """See :class:`Clock`."""
        return time.time()

    def monotonic(self) -> float:
        """See :class:`Clock`."""
        return time.monotonic()
