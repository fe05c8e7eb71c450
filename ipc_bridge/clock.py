"""The time, as something that tests can bring along."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Two clocks in seconds: one that people read, which may jump, and one that only goes on."""

    def time(self) -> float:
        """Unix time."""

    def monotonic(self) -> float:
        """Seconds since some moment."""

    @property
    def boot(self) -> str:
        """The machine's start that this monotonic clock counts from; another one's says nothing here."""


_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class SystemClock:
    """The machine's."""

    def time(self) -> float:
        """See :class:`Clock`."""
        return time.time()

    def monotonic(self) -> float:
        """See :class:`Clock`."""
        return time.monotonic()

    @cached_property
    def boot(self) -> str:
        """See :class:`Clock`; where the system does not tell, this process's start."""
        try:
            return _BOOT_ID.read_text(encoding="ascii").strip()
        except OSError:
            return uuid.uuid4().hex
