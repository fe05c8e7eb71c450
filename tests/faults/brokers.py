"""Faults of the broker, and of the way to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from functools import partial

from tests.e2e.harness import LOCALHOST, PATIENCE, eventually
from tests.faults import packets
from tests.faults.scene import BRIDGE, RECOVERY, Scene
from tests.mqtt.fake_broker import FakeBroker

CLIENT_ID = "ipc-bridge-under-test"
RATE = 150.0
"""Events a second of a very busy site."""


async def killed(scene: Scene) -> None:
    """In the middle of the traffic, which goes on while it is away."""
    await scene.open(persistence=True)
    for time in range(scene.times):
        async with asyncio.TaskGroup() as tasks:
            # With many at once some are under way when it goes, and others wait.
            burst = 1 if time % 2 else scene.share // 2
            tasks.create_task(scene.camera.events(scene.share, RATE, burst))
            await scene.consumer.more(scene.chance.randrange(1, scene.share // 2))
            await scene.broker.kill()
        await scene.taken_over()
        if time % 2:
            await scene.grow_old()
        await scene.broker.start()
        await scene.recovered()


async def unreachable(scene: Scene) -> None:
    """For more events than any part of the bridge keeps in memory."""
    await scene.open(relayed=True)
    await scene.camera.events(20, RATE)
    await scene.all_delivered()
    for _ in range(scene.times):
        await scene.relay.shut()
        await scene.camera.flood(scene.share)
        await scene.taken_over()
        await scene.grow_old()
        await scene.relay.open()
        await scene.recovered()


async def never_acknowledges(scene: Scene) -> None:
    """It takes everything and says nothing; then a real one comes in its place."""
    await scene.open(persistence=True)
    # The deaf broker can talk to one client only.
    await scene.hub.stop()
    for _ in range(scene.times):
        # Its session stays, and what the real broker gets first is not missed.
        await scene.consumer.stop()
        await scene.broker.stop()
        async with _deaf_broker(scene.broker.port) as deaf:
            await eventually(partial(_reached, deaf, f"{BRIDGE}/status"), "the bridge at the deaf broker", RECOVERY)
            await scene.camera.flood(scene.share)
            await scene.taken_over()
            await eventually(partial(_reached, deaf, "event/"), "events at the deaf broker")
            await scene.grow_old()
        await scene.broker.start()
        await scene.consumer.start()
        await scene.recovered()


async def forgets(scene: Scene) -> None:
    """It comes back without its retained messages: everything that it kept must be there again."""
    await scene.open(relayed=True, homeassistant={"enabled": True})
    await scene.camera.events(scene.share // 2, RATE)
    await scene.all_delivered()
    sn = scene.camera.camera.sn
    must = {
        f"{BRIDGE}/status",
        f"{BRIDGE}/info",
        f"{BRIDGE}/cameras",
        f"ipc_bridge/camera/{sn}/status",
        f"ipc_bridge/camera/{sn}/info",
        f"ipc_bridge/camera/{sn}/motion",
        f"homeassistant/device/ipc_bridge_{sn}/config",
        "homeassistant/device/ipc_bridge_bridge/config",
    }
    before = await scene.site.kept(scene.broker.port)
    assert must <= before.keys()
    # What was learnt of the camera meanwhile shows in these.
    learnt = {f"ipc_bridge/camera/{sn}/{leaf}" for leaf in ("face", "state", "flow")}
    changing = {*learnt, f"{BRIDGE}/health", f"homeassistant/device/ipc_bridge_{sn}/config"}
    for _ in range(scene.times):
        await scene.broker.kill()
        await scene.hub.lost()
        await scene.relay.shut()
        await scene.camera.events(scene.share // 2, RATE)
        await scene.broker.start()
        assert await scene.site.kept(scene.broker.port) == {}
        await scene.consumer.subscribed()
        await scene.hub.subscribed()
        await scene.relay.open()
        await scene.recovered()
        after = await _kept(scene, before)
        assert {topic: after[topic] for topic in before.keys() - changing} == {
            topic: before[topic] for topic in before.keys() - changing
        }


async def client_id_taken_over(scene: Scene) -> None:
    """Somebody else has the same client id: after three kicks in a minute the bridge lets go, says so, comes back.

    Where the other is there again by then one kick is enough.
    """
    await scene.open(mqtt={"client_id": CLIENT_ID})
    for time in range(scene.times):
        since = len(scene.daemon.log())
        await scene.camera.events(scene.share // 2, RATE)
        await scene.all_delivered()
        kicks = 0
        while True:
            async with _rival(scene.broker.port) as kicked:
                kicks += 1
                # Its waits are below 1, 2 and 4 s; whoever has not come back after that has given up.
                await asyncio.wait([kicked], timeout=PATIENCE)
                if not kicked.done():
                    break
        assert kicks <= (1 if time else 3), f"the bridge came back {kicks} times"
        await scene.daemon.wait_for_log("ERROR", "client id", "mqtt.client_id", since=since)
        # The rival has gone at the end of its context.
        await scene.camera.events(scene.share // 2, RATE)
        await scene.taken_over()
        await scene.grow_old()
        await scene.recovered()


async def _kept(scene: Scene, topics: Mapping[str, bytes]) -> dict[str, bytes]:
    """What the broker keeps, once it keeps something under all of ``topics``: ``OFF`` follows a live `ON`."""
    async with asyncio.timeout(PATIENCE):
        while not topics.keys() <= (kept := await scene.site.kept(scene.broker.port)).keys():
            pass
    return kept


def _reached(broker: FakeBroker, part: str) -> bool:
    return any(part in publication.topic for publication in broker.publications)


@contextlib.asynccontextmanager
async def _deaf_broker(port: int) -> AsyncIterator[FakeBroker]:
    broker = FakeBroker(acknowledges=False)
    server = await asyncio.start_server(broker.serve, LOCALHOST, port)
    try:
        yield broker
    finally:
        server.close()
        broker.cut()


@contextlib.asynccontextmanager
async def _rival(port: int) -> AsyncIterator[asyncio.Task[bytes]]:
    """Another client with the bridge's id; gives a task that ends when the broker hangs up on it."""
    reader, writer = await asyncio.open_connection(LOCALHOST, port)
    writer.write(packets.connect(CLIENT_ID, clean=True))
    await reader.readexactly(4)
    kicked = asyncio.create_task(reader.read())
    try:
        yield kicked
    finally:
        kicked.cancel()
        writer.transport.abort()
        await asyncio.wait([kicked])
