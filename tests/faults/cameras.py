"""Faults of a camera, and of the way to it."""

from __future__ import annotations

from tests.e2e.harness import LOCALHOST
from tests.faults.scene import RECOVERY, Scene

RATE = 150.0
SLOW = 3.0
"""Seconds: a clock that is off by that counts as right."""


async def reset_inside_a_frame(scene: Scene) -> None:
    """The connection breaks in the middle of an event."""
    await scene.open()
    camera = scene.camera.camera
    for _ in range(scene.times):
        await scene.watched()
        await scene.camera.events(scene.share, RATE)
        camera.abort()
        # Until it is back, events wait in the camera.
        await camera.wait_until(lambda: not camera.clients, RECOVERY)
        await scene.camera.events(scene.share // 4, RATE)
        await scene.recovered()


async def half_open(scene: Scene) -> None:
    """The way between them loses everything, and tells neither."""
    site = scene.site
    camera_host = site.next_host()
    channel = await site.relay(site.channel_port, camera_host)
    api = await site.relay(site.api_port, camera_host)
    entry = {"host": LOCALHOST, "channel_port": channel.port, "api_port": api.port}
    await scene.open(settings={"host": camera_host}, entry=entry)
    for _ in range(scene.times):
        await scene.watched()
        await scene.camera.events(scene.share // 2, RATE)
        channel.freeze()
        await scene.camera.events(scene.share // 2, RATE)
        await scene.camera.connected_again()
        await scene.recovered()


async def silent(scene: Scene) -> None:
    """It holds its connection, and says nothing for a while."""
    await scene.open()
    camera = scene.camera.camera
    for _ in range(scene.times):
        await scene.watched()
        await scene.camera.events(scene.share // 2, RATE)
        camera.faults.silence()
        await scene.camera.events(scene.share // 2, RATE)
        await camera.wait_until(lambda: not camera.clients, RECOVERY)
        camera.faults.speak()
        await scene.recovered()


async def slow_and_kept_back(scene: Scene) -> None:
    """Its clock is a little slow, and it keeps events for some seconds: about as long as clocks may differ."""
    await scene.open(settings={"clock_offset": -SLOW})
    for _ in range(scene.times):
        for _ in range(scene.share):
            scene.camera.event(age=2 * SLOW)
        await scene.recovered()


async def rebooted(scene: Scene) -> None:
    """It forgets what was not acknowledged, and its event ids begin again."""
    await scene.open()
    for _ in range(scene.times):
        await scene.watched()
        await scene.camera.events(scene.share, RATE)
        await scene.taken_over()
        # The ids begin again, and their times are whole seconds: the same id in the same second is the same event.
        await scene.camera.next_second()
        await scene.camera.reboot(0.5)
        await scene.recovered()


async def moved(scene: Scene) -> None:
    """It gets another address from the network's DHCP server."""
    await scene.open(discovery={"enabled": True})
    for _ in range(scene.times):
        await scene.watched()
        await scene.camera.events(scene.share, RATE)
        await scene.camera.camera.move(scene.site.next_host())
        await scene.camera.events(scene.share // 4, RATE)
        await scene.recovered()


async def duplicates(scene: Scene) -> None:
    """It sends every event twice."""
    await scene.open()
    camera = scene.camera.camera
    camera.faults.duplicate = True
    await scene.camera.events(scene.events, RATE)
    await scene.recovered()
    await camera.wait_until(lambda: camera.repeated_acknowledgements >= scene.events, RECOVERY)


async def ids_begin_again(scene: Scene) -> None:
    """Without a reboot, and for other events."""
    await scene.open()
    for _ in range(scene.times):
        for number in range(1, scene.share + 1):
            scene.camera.event(event_id=number)
        await scene.taken_over()
        await scene.camera.next_second()
    await scene.recovered()


async def acknowledged_and_sent_again(scene: Scene) -> None:
    """What was acknowledged long ago comes once more, before and after the bridge starts anew."""
    await scene.open()
    camera = scene.camera.camera
    for number in range(scene.times):
        await scene.watched()
        uids = [scene.camera.event() for _ in range(scene.share)]
        await scene.all_delivered()
        for restart in (None, scene.kill_bridge, scene.stop_bridge):
            if restart is not None:
                await restart()
                await scene.daemon.start()
                await scene.watched()
            for uid in scene.chance.sample(uids, min(len(uids), 20 + number)):
                scene.camera.again(uid)
            await scene.recovered()
    assert not camera.stray_acknowledgements


async def floods(scene: Scene) -> None:
    """Thousands of events a second, for as long as they last."""
    await scene.open()
    for _ in range(scene.times):
        await scene.camera.flood(scene.share)
        await scene.recovered()
