"""Who passed a camera and when: people counted at the door line, and visits of faces."""

from __future__ import annotations

import enum
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from ipc_bridge.simulator.people import FEMALE, MALE, UNKNOWN

AGE_RANGES = 8
_MAX_ENTRIES = 50_000
"""Of each log; the oldest go first. A busy shop's month."""


class Flow(enum.Enum):
    """Which way somebody went."""

    IN = "in"
    OUT = "out"
    PASS = "pass"  # noqa: S105 - a way to go


class _Passage(NamedTuple):
    time: int
    flow: Flow
    gender: int
    age_range: int
    number: int


class _Visit(NamedTuple):
    time: int
    faceid: str


@dataclass(slots=True)
class Slot:
    """A part of a period; who has no known gender is in ``total`` alone."""

    start: int
    end: int
    total: int = 0
    men: list[int] = field(default_factory=lambda: [0] * AGE_RANGES)
    """By age range."""
    women: list[int] = field(default_factory=lambda: [0] * AGE_RANGES)


class Statistics:
    """Counts and visits. Periods are Unix seconds; their end is not part of them."""

    def __init__(self) -> None:
        self._passages: deque[_Passage] = deque(maxlen=_MAX_ENTRIES)
        self._visits: deque[_Visit] = deque(maxlen=_MAX_ENTRIES)

    def clear(self) -> None:
        """Forget all."""
        self._passages.clear()
        self._visits.clear()

    def count(self, flow: Flow, now: int, number: int = 1, *, gender: int = UNKNOWN, age_range: int = 1) -> None:
        """Count ``number`` people who are alike and pass at the Unix second ``now``."""
        self._passages.append(_Passage(now, flow, gender, age_range, number))

    def visit(self, faceid: str, now: int) -> None:
        """Note that a known face came at the Unix second ``now``."""
        self._visits.append(_Visit(now, faceid))

    def slots(self, flow: Flow, start: int, end: int, seconds: int) -> list[Slot]:
        """The period in parts of ``seconds`` from its start on; those in which nobody passed are left out."""
        slots: dict[int, Slot] = {}
        for passage in self._passages:
            if passage.flow is not flow or not start <= passage.time < end:
                continue
            first = passage.time - (passage.time - start) % seconds
            slot = slots.setdefault(first, Slot(first, min(first + seconds, end)))
            slot.total += passage.number
            if passage.gender == MALE:
                slot.men[passage.age_range - 1] += passage.number
            elif passage.gender == FEMALE:
                slot.women[passage.age_range - 1] += passage.number
        return [slots[first] for first in sorted(slots)]

    def visits(self, start: int, end: int) -> Counter[str]:
        """How often each face came in the period."""
        return Counter(visit.faceid for visit in self._visits if start <= visit.time < end)

    def visits_of(self, faceid: str, start: int, end: int) -> list[int]:
        """When a face came in the period, oldest first."""
        return sorted(visit.time for visit in self._visits if visit.faceid == faceid and start <= visit.time < end)
