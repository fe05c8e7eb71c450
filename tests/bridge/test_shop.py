"""One shop: when it is asked, what is made of the answers, and what happens where there are none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ipc_bridge.bridge.registry import KnownShop
from ipc_bridge.bridge.shop import ASK_HISTORY_EVERY, LONGEST_WAIT, MAX_UNKNOWN, ShopRunner
from ipc_bridge.bridge.shop_flow import _by_age
from ipc_bridge.cloud.api import CloudApi
from ipc_bridge.simulator.cloud import SimulatedCloud
from tests.bridge.samples import StoppedClock
from tests.cloud.rig import BACK, FREE, FRONT, SHOP, a_wednesday, opened, settings
from tests.mqtt.broker import eventually

INTERVAL = 60.0
URL = "https://bridge.example/hook/abc"


class Rig:
    """A runner, its cloud, and how often it had something to tell."""

    def __init__(self, cloud: SimulatedCloud, api: CloudApi, clock: StoppedClock) -> None:
        self.cloud = cloud
        self.api = api
        self.clock = clock
        self.told = 0
        self.runner = self.make()

    def make(self, known: KnownShop | None = None, hook_url: str | None = None) -> ShopRunner:
        return ShopRunner(
            known or KnownShop(SHOP), INTERVAL, self.clock, self.count, hook_url, uniform=lambda _low, high: high
        )

    async def ask(self) -> float:
        return await self.runner.ask(self.api)

    @property
    def flow(self) -> Any:
        return self.runner.flow

    def yesterday(self) -> Any:
        return self.flow["yesterday"]

    def paths(self) -> list[str]:
        return [call.path for call in self.cloud.calls]

    def count(self) -> None:
        self.told += 1


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    clock = a_wednesday()
    async with SimulatedCloud(settings(clock)) as cloud, opened(cloud, clock) as api:
        yield Rig(cloud, api, clock)


async def test_a_shop_is_asked_every_interval(rig: Rig) -> None:
    assert await rig.ask() == INTERVAL
    assert (rig.runner.is_online, rig.runner.reason, rig.told) == (True, None, 1)
    (camera,) = rig.runner.cameras.values()
    assert (camera.sn, camera.online, camera.model, camera.firmware) == (FRONT, True, "FM020", "1.3.6")
    assert await rig.ask() == INTERVAL
    # Yesterday's counts are there, and are not asked for again.
    assert len(rig.paths()) == 6 + 4


async def test_cameras_that_cannot_be_named_are_left_out(rig: Rig) -> None:
    rig.cloud.state.make_camera("not a serial", "02", SHOP)
    nameless = rig.cloud.state.make_camera("FS101D8BS00999", "03", SHOP)
    nameless.name = ""
    await rig.ask()
    assert [(one.sn, one.name) for one in rig.runner.cameras.values()][1:] == [("FS101D8BS00999", "Camera 0999")]


# What is wrong.


async def test_it_is_asked_less_often_while_there_is_no_answer(rig: Rig) -> None:
    rig.cloud.refuse(5000, 6)
    waits = [await rig.ask() for _ in range(6)]
    assert waits == [120, 240, 480, 900, 900, 900]
    assert not rig.runner.is_online
    assert rig.runner.reason == "device/ipc/getList in the cloud answered code 5000 (database error)"
    assert await rig.ask() == INTERVAL
    rig.cloud.refuse(502)
    assert await rig.ask() == 120


async def test_no_sooner_than_usual(rig: Rig) -> None:
    runner = ShopRunner(KnownShop(SHOP), INTERVAL, rig.clock, lambda: None, uniform=lambda low, _high: low)
    rig.cloud.refuse(5000)
    assert await runner.ask(rig.api) == INTERVAL


@pytest.mark.parametrize("code", [401, 403, 5090, 5091])
async def test_a_refused_account_waits_longest_at_once(rig: Rig, code: int, caplog: pytest.LogCaptureFixture) -> None:
    rig.cloud.refuse(code, 2)
    assert [await rig.ask(), await rig.ask()] == [LONGEST_WAIT, LONGEST_WAIT]
    # Said once.
    assert [record.levelname for record in caplog.records if record.name == "ipc_bridge.bridge.shop"] == ["WARNING"]


async def test_a_bug_is_the_shops_own(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_api: CloudApi) -> float:
        raise ZeroDivisionError

    runner = ShopRunner(KnownShop(SHOP), 0.0, rig.clock, rig.count, uniform=lambda low, _high: low)
    monkeypatch.setattr(runner, "ask", broken)
    task = asyncio.create_task(runner.run(rig.api, asyncio.Semaphore()))
    await eventually(lambda: rig.told >= 2)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert "a bug in the bridge" in (runner.reason or "")


async def test_shops_take_turns(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    turns, go_on, asking, most = asyncio.Semaphore(2), asyncio.Event(), 0, 0

    async def ask(_api: CloudApi) -> float:
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        await go_on.wait()
        asking -= 1
        rig.told += 1
        return INTERVAL

    runners = [rig.make() for _ in range(5)]
    for runner in runners:
        monkeypatch.setattr(runner, "ask", ask)
    tasks = [asyncio.create_task(runner.run(rig.api, turns)) for runner in runners]
    await eventually(lambda: asking == 2)
    go_on.set()
    await eventually(lambda: rig.told == 5)
    assert most == 2
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


# How many came.


@pytest.mark.parametrize("code", [5013, 5087, 5506])
async def test_a_day_on_which_nobody_came_yet(rig: Rig, code: int) -> None:
    # The cameras, and then nothing: the cloud has several codes for that.
    rig.cloud.refuse(0)
    rig.cloud.refuse(code, 5)
    assert await rig.ask() == INTERVAL
    flow = rig.flow
    assert (flow["in"], flow["pass"], flow["strangers"], flow["yesterday"]) == (0, 0, 0, None)
    assert set(flow["by_age"].values()) == set(flow["by_gender"].values()) == {0}
    assert len(flow["by_age"]) == 8


async def test_a_count_that_is_not_told(rig: Rig) -> None:
    rig.cloud.refuse(0)
    rig.cloud.refuse(5000)
    assert await rig.ask() == 120
    assert "getLatest in the cloud answered code 5000" in (rig.runner.reason or "")


async def test_today_begins_at_midnight(rig: Rig) -> None:
    await rig.ask()
    midnight = datetime.fromtimestamp(rig.clock.time(), UTC).astimezone().replace(hour=0, minute=0)
    assert rig.flow["since"] == midnight.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert rig.yesterday()["date"] == (midnight - timedelta(1)).strftime("%Y-%m-%d")
    rig.clock.go_on(86_400)
    rig.cloud.shop(SHOP).pass_by(1)
    await rig.ask()
    assert rig.flow["pass"] == 1
    # The day before that had its people, when the cloud was there.
    assert rig.yesterday() is None


async def test_yesterday_is_told_once_it_is_final(rig: Rig) -> None:
    shop = rig.cloud.shop(SHOP)
    shop.arrive(next(iter(shop.faces.values())))
    await rig.ask()
    first = rig.yesterday()
    # To the next day, at half past one: the cloud has not counted yet.
    rig.clock.go_on(15.25 * 3600)
    counted = shop._days.pop(next(iter(shop._days)))
    await rig.ask()
    assert rig.yesterday() is None
    asked = len(rig.paths())
    rig.clock.go_on(ASK_HISTORY_EVERY - 1)
    await rig.ask()
    assert len(rig.paths()) == asked + 4
    # It has.
    shop._days[datetime.fromtimestamp(rig.clock.time() - 86_400, UTC).astimezone().date()] = counted
    rig.clock.go_on(1)
    await rig.ask()
    yesterday = rig.yesterday()
    assert (yesterday["in"], yesterday["persons"], yesterday["date"] > first["date"]) == (1, 1, True)


async def test_a_day_on_which_nobody_came_is_final_at_noon(rig: Rig) -> None:
    await rig.ask()
    rig.clock.go_on(86_400)
    await rig.ask()
    assert rig.yesterday() is None
    rig.clock.go_on(1.75 * 3600)
    await rig.ask()
    assert (rig.yesterday()["in"], rig.yesterday()["persons"]) == (0, 0)


def test_ages_that_are_newer_than_the_documents_are_left_out() -> None:
    counts = _by_age([{"age_range": 8, "stranger_count": 2}, {"age_range": 9, "stranger_count": 3}], ["stranger_count"])
    assert (counts["56 and over"], sum(counts.values())) == (2, 2)


# The hook.


async def test_the_cloud_is_told_once_where_to_post(rig: Rig) -> None:
    known = KnownShop(SHOP)
    for _ in range(2):
        rig.runner = rig.make(known, URL)
        await rig.ask()
        await rig.ask()
    assert rig.cloud.shop(SHOP).callbacks == [URL]
    assert known.hook_url == URL
    rig.runner = rig.make(known, URL + "2")
    await rig.ask()
    assert rig.cloud.shop(SHOP).callbacks == [URL, URL + "2"]


async def test_a_cloud_that_refuses_it_is_told_again(rig: Rig) -> None:
    rig.runner = rig.make(hook_url="http://:80/hook/abc")
    assert await rig.ask() == 120
    assert "hook/add in the cloud answered code 5020 (invalid parameter)" in (rig.runner.reason or "")
    assert rig.runner.known.hook_url is None


async def test_cameras_that_are_new_are_asked_for(rig: Rig) -> None:
    await rig.ask()
    free = rig.cloud.camera(FREE)
    back = rig.cloud.camera(BACK)
    free.shop = SHOP
    found = await rig.runner.find(rig.api, free.ipc_id)
    assert found is not None
    assert found.sn == FREE
    asked = len(rig.paths())
    # Of another shop: nobody knows it, and it is asked for once.
    for _ in range(3):
        assert await rig.runner.find(rig.api, back.ipc_id) is None
    assert len(rig.paths()) == asked + 1
    rig.cloud.refuse(5000)
    assert await rig.runner.find(rig.api, "7") is None
    for number in range(2 * MAX_UNKNOWN):
        assert await rig.runner.find(rig.api, f"1{number}") is None
    assert len(rig.paths()) <= asked + MAX_UNKNOWN
