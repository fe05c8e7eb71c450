"""Faults of the bridge's own process, and of its machine."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

from tests.faults.scene import Scene
from tests.faults.witness import MOTION_EVERY

RATE = 100.0
HOUR = 3600.0
START = 0.9
"""Seconds: a bridge that lives shorter than that is still starting."""


async def killed(scene: Scene) -> None:
    """At random moments: while it starts, takes events over, delivers them, or has none to deliver them to."""
    await scene.open(cameras=2, relayed=True)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(scene.times):
            together = scene.chance.choice((1, 10))
            for witness in scene.witnesses:
                tasks.create_task(witness.events(scene.share // 2, RATE, together))
            has_broker = scene.chance.random() < 0.7
            if not has_broker:
                await scene.relay.shut()
            await _random_moment(scene)
            await scene.kill_bridge()
            await scene.daemon.start()
            if not has_broker:
                await scene.relay.open()
            began = time.monotonic()
            if scene.chance.random() < 0.5:
                await scene.watched()
                scene.recoveries.append(time.monotonic() - began)
    await scene.recovered()


async def killed_with_its_broker(scene: Scene) -> None:
    """As when the power fails: the broker at once or a little before; they come back in either order."""
    await scene.open(persistence=True)
    for _ in range(scene.times):
        async with asyncio.TaskGroup() as tasks:
            # With many at once some are under way when the broker goes, and others wait.
            burst = scene.share // 2 if scene.chance.random() < 0.7 else 1
            tasks.create_task(scene.camera.events(scene.share, RATE, burst))
            await scene.consumer.more(scene.chance.randrange(1, scene.share // 2))
            await scene.broker.kill()
            if scene.chance.random() < 0.5:
                await _random_moment(scene)
            await scene.kill_bridge()
        both = [scene.daemon.start, scene.broker.start]
        scene.chance.shuffle(both)
        for start in both:
            await start()
        await scene.recovered()


async def clock_stepped(scene: Scene) -> None:
    """An hour forward and back again, with the broker there and while it is away."""
    clock = await _open_with_clock(scene)
    few = scene.share // 4
    for _ in range(scene.times):
        for offset, has_broker in ((HOUR, True), (0.0, True), (HOUR, False), (0.0, False)):
            await _events_of_some_periods(scene)
            if not has_broker:
                await scene.relay.shut()
                await scene.camera.events(few, RATE)
                await scene.taken_over()
            _set(clock, offset)
            # What the camera kept for a minute is no news, whatever the clocks say, and comes before any news does.
            for _ in range(MOTION_EVERY):
                scene.camera.event(age=60)
            if has_broker:
                await scene.all_delivered()
            await scene.camera.events(few, RATE)
            await scene.taken_over()
            if not has_broker:
                await scene.grow_old()
                await scene.relay.open()
            await scene.recovered()


async def clock_set_back_while_down(scene: Scene) -> None:
    """It is killed with events that the broker has not got, and the clock is wrong when it comes back."""
    clock = await _open_with_clock(scene)
    for number in range(scene.times):
        await scene.relay.shut()
        await scene.camera.events(scene.share, RATE)
        await scene.taken_over()
        await scene.kill_bridge()
        await scene.grow_old()
        _set(clock, 0.0 if number % 2 else -HOUR)
        await scene.daemon.start()
        await scene.relay.open()
        await scene.watched()
        await scene.recovered()


async def _open_with_clock(scene: Scene) -> Path:
    clock = scene.site.directory / "clock"
    _set(clock, 0.0)
    await scene.open(relayed=True, program=("tests.faults.daemon", "--clock", clock))
    return clock


def _set(clock: Path, offset: float) -> None:
    # Never half a number for whoever reads meanwhile.
    new = clock.with_suffix(".new")
    new.write_text(str(offset), encoding="ascii")
    new.replace(clock)


async def _events_of_some_periods(scene: Scene) -> None:
    """Long enough for the bridge to find out what the camera's clock is like: four heartbeats, events in each."""
    for _ in range(4):
        await scene.camera.heartbeat()
        scene.camera.event()
    await scene.taken_over()


async def _random_moment(scene: Scene) -> None:
    """Wait for a few acknowledgements, or for a while of a start; what follows hits the bridge in the middle of it."""
    if scene.chance.random() < 0.3:
        await asyncio.sleep(scene.chance.uniform(0, START))
        return
    camera = scene.chance.choice(scene.witnesses).camera
    some = scene.chance.randrange(1, max(scene.share // len(scene.witnesses), 2))
    # There may be fewer events.
    with contextlib.suppress(TimeoutError):
        await camera.wait_for_acknowledged(camera.acknowledged_count + some, timeout=2)
