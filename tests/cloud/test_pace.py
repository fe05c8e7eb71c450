"""A few calls a second, each in its turn."""

from __future__ import annotations

import asyncio

import pytest

from ipc_bridge.cloud.pace import AT_A_TIME, Pace
from tests.bridge.samples import StoppedClock


class Waits:
    """Waits that end when the clock is moved on."""

    def __init__(self, clock: StoppedClock) -> None:
        self._clock = clock
        self._asleep: list[tuple[float, asyncio.Event]] = []

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._asleep.append((self._clock.monotonic() + seconds, woken))
        await woken.wait()

    async def go_on(self, seconds: float) -> None:
        self._clock.go_on(seconds)
        for due, woken in self._asleep:
            if due <= self._clock.monotonic():
                woken.set()
        for _ in range(10):
            await asyncio.sleep(0)


async def test_calls_begin_half_a_second_apart() -> None:
    clock = StoppedClock()
    waits = Waits(clock)
    pace, begun = Pace(clock, waits.sleep, interval=0.5), []
    first = clock.monotonic()

    async def call(number: int) -> None:
        async with pace:
            begun.append((number, clock.monotonic() - first))

    async with asyncio.TaskGroup() as tasks:
        for number in range(4):
            tasks.create_task(call(number))
        for _ in range(7):
            await waits.go_on(0 if not begun else 0.25)
    assert begun == [(0, 0.0), (1, 0.5), (2, 1.0), (3, 1.5)]
    await waits.go_on(10)
    await call(4)
    assert begun[-1] == (4, 11.5)


async def test_no_more_than_two_wait_for_their_answers() -> None:
    clock = StoppedClock()
    pace, answered, under_way, most = Pace(clock, interval=0), asyncio.Event(), 0, 0

    async def call() -> None:
        nonlocal under_way, most
        async with pace:
            under_way += 1
            most = max(most, under_way)
            await answered.wait()
            under_way -= 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(call())
        for _ in range(10):
            await asyncio.sleep(0)
        assert under_way == AT_A_TIME
        answered.set()
    assert most == AT_A_TIME


async def test_who_gives_up_waiting_leaves_its_place() -> None:
    clock = StoppedClock()
    waits = Waits(clock)
    pace = Pace(clock, waits.sleep)
    async with pace:
        pass
    for _ in range(AT_A_TIME + 1):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0), pace:
                pass
    call = asyncio.create_task(pace.__aenter__())
    await waits.go_on(10)
    await call
