"""How many came into a shop in a period, slot by slot: asked of the cloud, and shown as a table, CSV, or bars."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from rich.bar import Bar
from rich.console import RenderableType

from ipc_bridge.bridge.shop_flow import ask_today
from ipc_bridge.catalog.cloud import HISTORY_BY_DAY, HISTORY_BY_HOUR, TODAY_BY_HOUR
from ipc_bridge.cli.output import plain, table
from ipc_bridge.cloud.api import CloudApi
from ipc_bridge.cloud.refusal import is_nothing
from ipc_bridge.errors import RefusedError

BAR_WIDTH = 50
NOT_TOLD = "-"
COLUMNS = ("time", "in", "total", "unexposed", "pass", "strangers", "regulars", "members")
"""As ``shop/<no>/flow`` names them."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days, both included."""

    first: date
    last: date


Slot = dict[str, Any]
"""One row: :data:`COLUMNS`, None for what the cloud does not tell."""


async def ask_slots(api: CloudApi, shop: str, period: Period, by: str, today: date) -> list[Slot]:
    """Return the slots of a period; of today as far as it has come.

    Raises:
        DeviceError: the cloud does not tell.
    """
    slots: list[Slot] = []
    last = min(period.last, today - timedelta(1))
    if period.first <= last:
        slots += await _ask_past(api, shop, Period(period.first, last), by)
    if period.first <= today <= period.last:
        slots += await (_ask_hours_of_today(api, shop) if by == "hour" else _ask_today(api, shop, today))
    return slots


def as_table(slots: Iterable[Slot]) -> RenderableType:
    """The slots as a table, and their sum."""
    rows = table(*(plain(name) for name in COLUMNS))
    slots = list(slots)
    for slot in slots:
        rows.add_row(*(_word(slot[name]) for name in COLUMNS))
    rows.add_section()
    rows.add_row("sum", *(str(sum(slot[name] or 0 for slot in slots)) for name in COLUMNS[1:]))
    return rows


def as_csv(slots: Iterable[Slot]) -> str:
    """The slots as CSV with a head; what the cloud does not tell is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(slots)
    return text.getvalue()


def as_bars(slots: Sequence[Slot]) -> RenderableType:
    """A bar for each slot: who came in."""
    most = max((slot["in"] for slot in slots), default=0)
    rows = table("time", "", plain("in"))
    for slot in slots:
        rows.add_row(slot["time"], Bar(max(most, 1), 0, slot["in"], width=BAR_WIDTH), str(slot["in"]))
    return rows


async def _ask_past(api: CloudApi, shop: str, period: Period, by: str) -> list[Slot]:
    endpoint = HISTORY_BY_HOUR if by == "hour" else HISTORY_BY_DAY
    days = {"start_time": period.first.isoformat(), "end_time": period.last.isoformat()}
    try:
        answer = await api.ask(endpoint, sunmi_shop_no=shop, **days)
    except RefusedError as error:
        if not is_nothing(error):
            raise
        return []
    return [_slot(record) for record in answer["count_list"] or ()]


async def _ask_hours_of_today(api: CloudApi, shop: str) -> list[Slot]:
    answer = await api.ask(TODAY_BY_HOUR, sunmi_shop_no=shop)
    return [_slot(record) for record in answer["count_list"] or ()]


async def _ask_today(api: CloudApi, shop: str, today: date) -> list[Slot]:
    counts = await ask_today(api, shop)
    return [{"time": today.isoformat(), **{name: counts[name] for name in COLUMNS[1:]}}]


def _slot(record: Mapping[str, Any]) -> Slot:
    total, unexposed = record["total_count"], record["unexposed_count"]
    tags = {f"{tag}s": record.get(f"{tag}_count") for tag in ("stranger", "regular", "member")}
    return {
        "time": record["time"] or NOT_TOLD,
        "in": total + unexposed,
        "total": total,
        "unexposed": unexposed,
        "pass": record["pass_count"],
        **tags,
    }


def _word(value: object) -> RenderableType:
    return plain(NOT_TOLD if value is None else str(value))
