"""People of today: against the simulated camera's own statistics, over midnight and through failures."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from ipc_bridge.bridge.people_flow import MIDNIGHT_SPREAD, PeopleFlow, midnight_before
from ipc_bridge.bridge.registry import KnownCamera
from ipc_bridge.bridge.state import Pace
from ipc_bridge.device.address import Address
from ipc_bridge.device.api import CameraApi
from ipc_bridge.device.people_flow import AGE_RANGES, DIRECTIONS
from ipc_bridge.errors import RefusedError
from ipc_bridge.simulator import CameraSettings, CardStatus, Flow, SimulatedCamera
from ipc_bridge.simulator.people import FEMALE, MALE
from tests.bridge.samples import StoppedClock
from tests.device.rig import CREDENTIALS, trust
from tests.mqtt.broker import eventually

SN = "FS101D8BS00101"
NEVER = 3600.0


def at(text: str) -> float:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.fixture(autouse=True)
def berlin() -> Iterator[None]:
    """The machine's time zone, which has summer time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


class Shop:
    """A camera, its clock, and what was told of its counts."""

    def __init__(self, camera: SimulatedCamera, api: CameraApi, clock: StoppedClock, interval: float) -> None:
        self.camera = camera
        self.api = api
        self.clock = clock
        self.known = KnownCamera(SN, model_name="FM020")
        self.told: list[dict[str, Any]] = []
        self.lacks: list[list[str]] = []
        self.flow = self.begun(interval)

    def begun(
        self, interval: float = NEVER, uniform: Callable[[float, float], float] = lambda low, _: low
    ) -> PeopleFlow:
        self.flow = PeopleFlow(
            self.known, Pace(NEVER, flow_interval=interval), self.clock.time, self._changed, self._lacks, uniform
        )
        return self.flow

    async def read(self) -> dict[str, Any]:
        await self.flow.read(self.api)
        assert self.flow.counts is not None
        return self.flow.counts

    def asked(self) -> int:
        return sum(call.path.startswith("peopleFlow/getPeopleStat") for call in self.camera.calls)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.flow.run(self.api))
        try:
            yield task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _changed(self) -> None:
        assert self.flow.counts is not None
        self.told.append(self.flow.counts)

    def _lacks(self) -> None:
        self.lacks.append(list(self.known.unsupported))


@asynccontextmanager
async def opened(now: str = "2026-11-22 17:00", interval: float = NEVER, **settings: Any) -> AsyncIterator[Shop]:
    clock = StoppedClock(at(now))
    camera = SimulatedCamera(
        CameraSettings(sn=SN, host="127.20.4.1", discovery_port=None, clock=clock.time, **settings)
    )
    async with camera, CameraApi(SN, Address(camera.host, camera.api_port), trust(), CREDENTIALS) as api:
        yield Shop(camera, api, clock, interval)


NOBODY = {
    "in": 0,
    "out": 0,
    "pass": 0,
    "by_age": dict.fromkeys(AGE_RANGES, 0),
    "by_gender": {"male": 0, "female": 0},
    # Midnight in Berlin.
    "since": "2026-11-21T23:00:00.000Z",
}


async def test_what_the_camera_counts_is_told() -> None:
    async with opened() as shop:
        shop.camera.count_people(Flow.IN, 3, gender=MALE, age_range=4)
        shop.camera.count_people(Flow.IN, 2, gender=FEMALE, age_range=8)
        shop.camera.count_people(Flow.IN)
        shop.camera.count_people(Flow.OUT, 4)
        shop.camera.count_people(Flow.PASS, 30)
        assert await shop.read() == NOBODY | {
            "in": 6,
            "out": 4,
            "pass": 30,
            "by_age": dict.fromkeys(AGE_RANGES, 0) | {"19-28": 3, "56-100": 2},
            "by_gender": {"male": 3, "female": 2},
        }
        # What is the same is told once.
        await shop.read()
        assert len(shop.told) == 1


async def test_a_day_without_anybody_is_zero_and_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async with opened() as shop:
        before = shop.flow.is_counted
        assert await shop.read() == NOBODY
        assert (before, shop.flow.is_counted) == (None, True)
        assert {call.code for call in shop.camera.calls} == {280}
    assert not caplog.records


async def test_yesterday_does_not_count() -> None:
    async with opened("2026-11-21 22:59:59") as shop:
        shop.camera.count_people(Flow.IN, 5)
        shop.clock.go_on(1)
        shop.camera.count_people(Flow.IN, 2)
        assert (await shop.read())["in"] == 2


async def test_at_midnight_yesterday_is_finished_and_today_begins() -> None:
    async with opened("2026-11-22 22:58") as shop:
        shop.camera.count_people(Flow.IN, 5)
        await shop.read()
        # The last minute of the day comes after its last reading.
        shop.clock.go_on(60)
        shop.camera.count_people(Flow.IN, 2)
        shop.camera.count_people(Flow.OUT)
        shop.clock.go_on(61)
        shop.camera.count_people(Flow.IN, 1)
        await shop.read()
        assert [(counts["since"], counts["in"], counts["out"]) for counts in shop.told] == [
            ("2026-11-21T23:00:00.000Z", 5, 0),
            ("2026-11-21T23:00:00.000Z", 7, 1),
            ("2026-11-22T23:00:00.000Z", 1, 0),
        ]
        # And is over.
        asked = shop.asked()
        await shop.read()
        assert shop.asked() == asked + len(DIRECTIONS)


async def test_what_is_longer_ago_than_yesterday_is_not_asked_for() -> None:
    async with opened("2026-11-20 12:00") as shop:
        await shop.read()
        shop.clock.go_on(2 * 86_400)
        assert (await shop.read())["since"] == "2026-11-21T23:00:00.000Z"
        assert len(shop.told) == 2


async def test_it_is_read_right_after_midnight() -> None:
    async with opened("2026-11-22 22:59:50") as shop:
        shop.begun(NEVER, lambda _low, high: high)
        assert shop.flow._until_next() == 10 + MIDNIGHT_SPREAD
        shop.clock.go_on(10)
        # An hour, with jitter.
        assert shop.flow._until_next() == pytest.approx(1.1 * NEVER)


@pytest.mark.parametrize(
    ("now", "midnight", "next_midnight"),
    [
        # Summer time ends, or begins, in the night after it.
        ("2026-10-25 12:00", "2026-10-24 22:00", "2026-10-25 23:00"),
        ("2026-03-29 12:00", "2026-03-28 23:00", "2026-03-29 22:00"),
        ("2026-11-22 23:00", "2026-11-22 23:00", "2026-11-23 23:00"),
    ],
)
def test_midnight(now: str, midnight: str, next_midnight: str) -> None:
    assert midnight_before(at(now)) == at(midnight)
    assert midnight_before(at(now), days=-1) == at(next_midnight)


async def test_it_is_read_again_and_again() -> None:
    async with opened(interval=0.01) as shop, shop.running():
        await eventually(lambda: shop.told == [NOBODY])
        shop.camera.count_people(Flow.PASS)
        shop.clock.go_on(1)
        await eventually(lambda: shop.told == [NOBODY, NOBODY | {"pass": 1}])


@pytest.mark.parametrize("code", [6, 12, 13])
async def test_a_camera_that_does_not_count_is_asked_once(code: int) -> None:
    async with opened(interval=0.01) as shop:
        shop.camera.faults.refuse("api", code, len(DIRECTIONS))
        async with shop.running() as task, asyncio.timeout(10):
            await task
        assert shop.flow.is_counted is False
        assert shop.told == []
        assert sorted(shop.lacks[-1]) == sorted(endpoint.path for endpoint in DIRECTIONS.values())
        assert shop.asked() == len(DIRECTIONS)
        # After a restart, too.
        async with asyncio.timeout(10):
            await shop.begun().run(shop.api)
        assert shop.asked() == len(DIRECTIONS)


async def test_one_that_counts_one_way_only() -> None:
    async with opened() as shop:
        shop.known.unsupported += [DIRECTIONS["in"].path, DIRECTIONS["pass"].path]
        shop.camera.count_people(Flow.OUT, 3)
        none = dict.fromkeys(("in", "pass", "by_age", "by_gender"))
        assert await shop.read() == {**NOBODY, "out": 3, **none}


async def test_counts_stay_while_the_camera_does_not_tell_them(caplog: pytest.LogCaptureFixture) -> None:
    async with opened(interval=0.01) as shop, shop.running():
        shop.camera.count_people(Flow.IN, 3)
        shop.clock.go_on(1)
        await eventually(lambda: bool(shop.told) and shop.told[-1]["in"] == 3)
        shop.camera.card = CardStatus.OUT
        asked = shop.asked()
        await eventually(lambda: shop.asked() >= asked + 5)
        told = len(shop.told)
        shop.camera.card = CardStatus.WORKING
        shop.camera.count_people(Flow.IN, 1)
        shop.clock.go_on(1)
        await eventually(lambda: shop.told[-1]["in"] == 4)
        assert len(shop.told) == told + 1
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "does not tell its counts" in warnings[0]
    assert "no SD card" in warnings[0]


async def test_a_yesterday_that_is_refused_does_not_keep_today_waiting() -> None:
    async with opened("2026-11-22 22:59") as shop:
        await shop.read()
        shop.clock.go_on(61)
        shop.camera.faults.refuse("api", 3)
        with pytest.raises(RefusedError):
            await shop.flow.read(shop.api)
        assert (await shop.read())["since"] == "2026-11-22T23:00:00.000Z"
