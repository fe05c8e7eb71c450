"""A camera's SD card, and what it records on it."""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass

RECORD_SECONDS = 60
"""The length of one recording."""
_KEPT_SECONDS = 7 * 86400
"""When the card is full, the oldest recordings go."""
_MAX_RUNS = 100


class CardStatus(enum.IntEnum):
    """What ``config/getMemoryCardStatus`` says."""

    OUT = 0
    UNFORMATTED = 1
    WORKING = 2
    UNKNOWN = 3


@dataclass(slots=True)
class _Run:
    """Recording without a break."""

    start: int
    end: int | None = None


class MemoryCard:
    """One card. The camera records while it is on and the card works; a card keeps what it holds while it is out."""

    def __init__(self) -> None:
        self.status = CardStatus.WORKING
        self.formatted_at = 0.0
        """Unix time; what is older is gone."""
        self._runs: deque[_Run] = deque(maxlen=_MAX_RUNS)

    @property
    def works(self) -> bool:
        """Whether anything can be read from it and written to it."""
        return self.status is CardStatus.WORKING

    @property
    def recording_since(self) -> int | None:
        """Unix second since which it records without a break; None while it does not."""
        return self._runs[-1].start if self._runs and self._runs[-1].end is None else None

    def start(self, now: float) -> None:
        """Record from now on, if the card works."""
        if self.works and self.recording_since is None:
            self._runs.append(_Run(int(now)))

    def stop(self, now: float) -> None:
        """Record no more."""
        if self.recording_since is not None:
            self._runs[-1].end = int(now)

    def turn(self, status: CardStatus, now: float) -> None:
        """Take the card out, put it in, or make it unreadable."""
        self.stop(now)
        self.status = status
        self.start(now)

    def format(self, now: float) -> None:
        """Empty it; it works afterwards."""
        self._runs.clear()
        self.status = CardStatus.WORKING
        self.formatted_at = now
        self.start(now)

    def records(self, start: int, end: int, now: float) -> list[tuple[int, int]]:
        """Start and end of each recording that reaches into the period and is finished, oldest first."""
        records: list[tuple[int, int]] = []
        for run in self._runs if self.works else ():
            until = min(int(now) if run.end is None else run.end, end)
            from_ = max(run.start, start - RECORD_SECONDS + 1, int(now) - _KEPT_SECONDS)
            first = run.start + -(-(from_ - run.start) // RECORD_SECONDS) * RECORD_SECONDS
            records += [
                (begin, finish)
                for begin in range(first, until, RECORD_SECONDS)
                if (finish := self._finish(run, begin, now)) is not None
            ]
        return records

    def _finish(self, run: _Run, begin: int, now: float) -> int | None:
        """When a recording ended; None while it goes on."""
        finish = begin + RECORD_SECONDS
        if run.end is not None:
            return min(finish, run.end)
        return finish if finish <= now else None
