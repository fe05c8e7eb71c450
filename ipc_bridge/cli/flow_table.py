"""People counted in a period, hour by hour or day by day."""

from __future__ import annotations

import bisect
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.bar import Bar
from rich.table import Table

from ipc_bridge.bridge.people_flow import midnight_before
from ipc_bridge.cli.output import table
from ipc_bridge.device.people_flow import AGE_RANGES, DIRECTIONS, Slot, by_age, by_gender

HOUR_SECONDS = 3600
BAR_WIDTH = 40
"""Characters of the longest bar."""

Counts = Mapping[str, Sequence[Slot] | None]
"""What a camera counted in a period, by direction; None for a direction that it does not count."""


@dataclass(frozen=True, slots=True)
class Row:
    """A part of the period, from the Unix second ``begin`` on; None for what the camera does not tell."""

    begin: int
    totals: dict[str, int | None]
    genders: dict[str, int] | None
    ages: dict[str, int] | None


def hours(begin: int, end: int) -> list[int]:
    """The beginnings of the hours that a period reaches into."""
    local = datetime.fromtimestamp(begin).astimezone()
    first = begin - local.minute * 60 - local.second
    return list(range(first, end, HOUR_SECONDS))


def days(begin: int, end: int) -> list[int]:
    """The beginnings of the days that a period reaches into, by this machine's time zone: some have 23 or 25 hours."""
    starts = [midnight_before(begin)]
    while (following := midnight_before(starts[-1], days=-1)) < end:
        starts.append(following)
    return starts


def make_rows(starts: Sequence[int], counts: Counts) -> list[Row]:
    """Add up what was counted from each start to the next one."""
    parts = {direction: _sorted_in(starts, slots) for direction, slots in counts.items() if slots is not None}
    rows = []
    for number, start in enumerate(starts):
        entered = parts["in"][number] if "in" in parts else None
        totals = {
            direction: sum(slot.total for slot in parts[direction][number]) if direction in parts else None
            for direction in DIRECTIONS
        }
        genders = None if entered is None else by_gender(entered)
        rows.append(Row(start, totals, genders, None if entered is None else by_age(entered)))
    return rows


def _sorted_in(starts: Sequence[int], slots: Sequence[Slot]) -> list[list[Slot]]:
    parts: list[list[Slot]] = [[] for _ in starts]
    for slot in slots:
        parts[max(0, bisect.bisect_right(starts, slot.begin) - 1)].append(slot)
    return parts


def as_table(rows: Sequence[Row], form: str) -> Table:
    """The rows with a bar for those who came in, and their sums."""
    grid = table("Begin")
    for name in ("In", "Out", "Pass", "Men", "Women"):
        grid.add_column(name, justify="right")
    grid.add_column("")
    most = max((row.totals["in"] or 0 for row in rows), default=0)
    for row in rows:
        begin = datetime.fromtimestamp(row.begin).astimezone().strftime(form)
        bar = Bar(max(1, most), 0, row.totals["in"] or 0, width=BAR_WIDTH)
        grid.add_row(begin, *map(_cell, _values(row)), bar)
    sums = [_sum(values) for values in zip(*map(_values, rows), strict=True)]
    grid.add_section()
    grid.add_row("All", *map(_cell, sums))
    return grid


def as_csv(rows: Sequence[Row]) -> str:
    """The rows with everything that is known of who came in."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["begin", *DIRECTIONS, "in_male", "in_female", *(f"in_{years}" for years in AGE_RANGES)])
    for row in rows:
        ages = [None] * len(AGE_RANGES) if row.ages is None else list(row.ages.values())
        begin = datetime.fromtimestamp(row.begin).astimezone().isoformat()
        writer.writerow(["" if value is None else value for value in (begin, *_values(row), *ages)])
    return text.getvalue()


def _values(row: Row) -> list[int | None]:
    genders = row.genders or {}
    return [*row.totals.values(), genders.get("male"), genders.get("female")]


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _cell(value: int | None) -> str:
    return "-" if value is None else str(value)
