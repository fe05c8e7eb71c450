"""``flow``: people counted, as a table with a plot and as CSV."""

from __future__ import annotations

import csv
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result

from ipc_bridge.cli.flow_table import days, hours, make_rows
from ipc_bridge.device.people_flow import AGE_RANGES, Slot
from ipc_bridge.simulator import Code, Flow
from ipc_bridge.simulator.people import FEMALE, MALE
from tests.bridge.samples import StoppedClock
from tests.cli.cameras import Shop, opened


@pytest.fixture(autouse=True)
def berlin() -> Iterator[None]:
    """The machine's time zone, which has summer time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def at(text: str) -> int:
    """A moment in Berlin."""
    return int(datetime.fromisoformat(text).timestamp())


CLOCK = StoppedClock()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A camera that has counted for two days."""
    async with opened(tmp_path, clock=CLOCK.time) as shop:
        for when, flow, number, gender, age in (
            ("2026-11-20 09:59", Flow.IN, 5, MALE, 4),
            ("2026-11-20 10:00", Flow.IN, 20, FEMALE, 5),
            ("2026-11-20 23:59", Flow.OUT, 7, MALE, 1),
            ("2026-11-21 00:00", Flow.IN, 1, 0, 1),
            ("2026-11-21 12:30", Flow.PASS, 40, MALE, 1),
        ):
            CLOCK.now = at(when)
            shop.camera.count_people(flow, number, gender=gender, age_range=age)
        yield shop


async def flow(shop: Shop, *words: str) -> Result:
    return await shop.invoke("flow", shop.camera.sn, *words)


async def test_days(shop: Shop) -> None:
    result = await flow(shop, "--from", "2026-11-20", "--to", "2026-11-21T18:00", "--period", "day")
    assert result.exit_code == 0, result.output
    head, first, second, sums = result.stdout.splitlines()
    assert head.split() == ["Begin", "In", "Out", "Pass", "Men", "Women"]
    assert first.split()[:6] == ["2026-11-20", "25", "7", "0", "5", "20"]
    assert second.split()[:6] == ["2026-11-21", "1", "0", "40", "0", "0"]
    assert sums.split() == ["All", "26", "7", "40", "5", "20"]
    # The most people are the longest bar.
    assert first.count("█") == 40
    assert second.count("█") == 1


async def test_hours_of_a_part_of_a_day(shop: Shop) -> None:
    result = await flow(shop, "--from", "2026-11-20T09:30", "--to", "2026-11-20T11:00")
    _head, *rows, _sums = result.stdout.splitlines()
    assert [row.split()[:3] for row in rows] == [["2026-11-20", "09:00", "5"], ["2026-11-20", "10:00", "20"]]


async def test_csv(shop: Shop) -> None:
    result = await flow(shop, "--from", "2026-11-20T09:00", "--to", "2026-11-20T12:00", "--csv")
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [row["begin"] for row in rows] == [f"2026-11-20T{hour:02}:00:00+01:00" for hour in (9, 10, 11)]
    assert rows[0].keys() == {
        "begin",
        "in",
        "out",
        "pass",
        "in_male",
        "in_female",
        *(f"in_{age}" for age in AGE_RANGES),
    }
    assert (rows[0]["in"], rows[0]["in_male"], rows[0]["in_19-28"], rows[0]["in_29-35"]) == ("5", "5", "5", "0")
    assert (rows[1]["in"], rows[1]["in_female"], rows[1]["in_29-35"]) == ("20", "20", "20")
    assert set(rows[2].values()) == {"2026-11-20T11:00:00+01:00", "0"}


async def test_a_camera_that_counts_nobody_or_only_some(shop: Shop) -> None:
    shop.camera.faults.refuse("api", Code.OP_NOT_SUPPORT)
    result = await flow(shop, "--from", "2026-11-20")
    assert (result.exit_code, "OP_NOT_SUPPORT" in result.stderr) == (1, True)
    rows = make_rows([0, 3600], {"in": [Slot(0, 3), Slot(3700, 4)], "out": None, "pass": []})
    assert [row.totals for row in rows] == [{"in": 3, "out": None, "pass": 0}, {"in": 4, "out": None, "pass": 0}]
    assert [(row.ages, row.genders) for row in rows] == [(None, None)] * 2


async def test_nothing_at_all(shop: Shop) -> None:
    result = await flow(shop, "--from", "2026-10-01", "--to", "2026-10-02", "--period", "day")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split()[:4] == ["2026-10-01", "0", "0", "0"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--from", "2020-01-01"), "at most 400 days"),
        (("--from", "2026-11-22", "--to", "2026-11-21"), "ends before it begins"),
        (("--from", "soon"), "soon is no time"),
        (("--period", "week"), "is not one of"),
    ],
)
async def test_mistakes(shop: Shop, words: tuple[str, ...], complaint: str) -> None:
    result = await flow(shop, *words)
    assert (result.exit_code, complaint in result.stderr) == (2, True), result.output
    assert not shop.camera.calls


def test_days_have_as_many_hours_as_they_have() -> None:
    starts = days(at("2026-10-24 12:00"), at("2026-10-26 12:00"))
    assert [(after - before) / 3600 for before, after in itertools.pairwise(starts)] == [24, 25]
    first, *others = hours(at("2026-10-25 00:00"), at("2026-10-26 00:00"))
    assert datetime.fromtimestamp(first, UTC).hour == 22
    assert len(others) == 24
    assert days(at("2026-10-25 00:00"), at("2026-10-26 00:00")) == [at("2026-10-25 00:00")]
