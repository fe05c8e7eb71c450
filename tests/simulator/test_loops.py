"""The same on either event loop: nothing leans on one loop's transports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from ipc_bridge.simulator import CameraSettings, SimulatedCamera
from ipc_bridge.wire.packet import PacketType
from tests.loops import LOOPS
from tests.simulator.client import connection, subscription


@pytest.mark.parametrize("loop_factory", LOOPS.values(), ids=LOOPS)
def test_a_life(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(live())


async def live() -> None:
    """A channel's life, from refusal to reboot."""
    async with SimulatedCamera(CameraSettings(discovery_port=None)) as camera:
        async with connection(camera) as client:
            assert await client.connect(app_id="other") == 1
            assert await client.is_closed()
        async with subscription(camera) as client:
            camera.flood(500)
            for number in range(1, 501):
                assert (await client.event())["event_id"] == number
                client.acknowledge(number)
            await camera.wait_for_all_acknowledged()
            assert await client.request(PacketType.PINGREQ) == {}
            assert camera.heartbeats == 1
            camera.abort()
            with pytest.raises(ConnectionResetError):
                await client.frame()
        async with subscription(camera) as client:
            await camera.reboot()
            assert await client.is_closed()
        async with subscription(camera) as client:
            camera.drop()
            assert await client.is_closed()
