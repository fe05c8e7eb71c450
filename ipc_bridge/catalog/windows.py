"""How long a period one call may ask for, and how a longer one is asked for in parts."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import voluptuous as vol

from ipc_bridge.catalog.checks import period_in_order

START, END = "start_time", "end_time"
"""The parameters that every such call has."""
_HOURS_A_DAY = 24
_DAYS_A_WEEK = 7
_MONTHS_A_YEAR = 12


class Unit(enum.Enum):
    """What a window counts. Seconds lie between two Unix times; of days the first and the last both belong to it."""

    SECONDS = "seconds"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


class Merge(enum.Enum):
    """How the answers to the parts of a longer period become one."""

    UNITE = "unite"
    """Records in order; one that reaches over a seam comes in both parts, and stays once."""
    ADD = "add"
    """Counts of the same time or age are added up; distinct persons are not, who may have come in both parts."""


@dataclass(frozen=True, slots=True)
class Window:
    """A limit on ``start_time`` and ``end_time``.

    Args:
        limit: the longest period.
        unit: what ``limit`` counts.
        merge: how a longer one is put together; None where no parts can tell it.
        before_today: whether it must end before today.
        enforced: False where the limit is a guess: who asks for more is warned.
    """

    limit: int
    unit: Unit
    merge: Merge | None = None
    before_today: bool = False
    enforced: bool = True

    def __str__(self) -> str:
        return f"{self.limit} {self.unit.value}"

    def check(self, params: Mapping[str, Any]) -> None:
        """Judge the period of one call.

        Raises:
            voluptuous.Invalid: it is too long, or ends before it begins.
        """
        period_in_order(params)
        if self.enforced and self.is_exceeded(params):
            raise vol.Invalid(f"{END} may be at most {self} after {START}{self._both_belong}: ask for less at a time")

    def is_exceeded(self, params: Mapping[str, Any]) -> bool:
        """Whether the period is longer than the limit."""
        return bool(params[END] > self._last(params[START]))

    def split(self, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the parameters of the calls that tell of the whole period, in order.

        Parts of Unix times share their seams; days belong to one part each. Parts of months begin with a month, parts
        of weeks are whole weeks from the first day on.
        """
        start, end = params[START], params[END]
        while start <= end:
            last = min(self._last(start, whole=True), end)
            yield {**params, START: start, END: last}
            if self.unit is Unit.SECONDS and last == end:
                return
            start = last if self.unit is Unit.SECONDS else _day_after(last)

    @property
    def _both_belong(self) -> str:
        return "" if self.unit is Unit.SECONDS else ", both included"

    def _last(self, start: Any, *, whole: bool = False) -> Any:
        """The last end that a call from ``start`` on may have; ``whole``: after which another part can begin."""
        if self.unit is Unit.SECONDS:
            return start + self.limit
        first = date.fromisoformat(start)
        match self.unit:
            case Unit.HOURS:
                days = self.limit // _HOURS_A_DAY
            case Unit.WEEKS:
                days = self.limit * _DAYS_A_WEEK
            case Unit.MONTHS:
                days = (_months_later(first.replace(day=1) if whole else first, self.limit) - first).days
            case _:
                days = self.limit
        return (first + timedelta(days - 1)).isoformat()


def _day_after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(1)).isoformat()


def _months_later(day: date, months: int) -> date:
    """The same day of a later month, or the first day behind a month that is too short for it."""
    count = day.year * _MONTHS_A_YEAR + day.month - 1 + months
    try:
        return day.replace(year=count // _MONTHS_A_YEAR, month=count % _MONTHS_A_YEAR + 1)
    except ValueError:
        return _months_later(day.replace(day=1), months + 1)
