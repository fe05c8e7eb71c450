"""Every fault does what its name says, and ends when it should."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest

from ipc_bridge.catalog.device import GET_IR_MODE, GET_LED_SWITCH
from ipc_bridge.errors import FrameError
from ipc_bridge.simulator import CameraSettings, Faults, SimulatedCamera
from ipc_bridge.wire.packet import PacketType
from tests.simulator.api import Api
from tests.simulator.client import PATIENCE, Client, connection, subscription, trusting_context


async def shown_certificate(camera: SimulatedCamera, port: int) -> bytes:
    """What the camera shows in DER form."""
    _reader, writer = await asyncio.open_connection(camera.host, port, ssl=trusting_context())
    try:
        certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return certificate
    finally:
        writer.transport.abort()


async def until_reset(client: Client) -> bytes:
    """What comes before the connection is reset; an orderly end is none."""
    received = b""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                data = await client.reader.read(65536)
            except ConnectionResetError:
                return received
            assert data, "closed, not reset"
            received += data


async def test_drop(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        camera.emit_face()
        camera.drop()
        assert (await client.event())["event_id"] == 1
        assert await client.is_closed()
    async with subscription(camera):
        assert camera.clients == 1


async def test_drop_with_farewell(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        camera.drop(farewell=True)
        assert await client.receive(PacketType.DISCONNECT) == {}
        assert await client.is_closed()


async def test_abort_resets_inside_a_frame(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        camera.abort()
        received = await until_reset(client)
        assert received.startswith(bytes.fromhex("FF3E3EFF 01 09"))
        assert len(received) < 64


async def test_silent_until_lifted(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        camera.faults.silence()
        client.send(PacketType.PINGREQ)
        camera.emit_face()
        client.acknowledge(1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.frame()
        assert camera.acknowledged_count == 0
        camera.faults.speak()
        assert await client.request(PacketType.PINGREQ) == {}


async def test_silent_for_a_while(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        camera.faults.silence(0.05)
        assert camera.faults.silent
        await camera.wait_until(lambda: not camera.faults.silent)
        assert await client.request(PacketType.PINGREQ) == {}


async def test_damage_crc_of_the_next_frames(camera: SimulatedCamera) -> None:
    camera.faults.damage_crc = 1
    async with connection(camera) as client:
        with pytest.raises(FrameError, match="CRC"):
            await client.connect()
    async with subscription(camera) as client:
        camera.emit_face()
        assert (await client.event())["event_id"] == 1
        camera.faults.damage_crc = 1
        camera.emit_face()
        with pytest.raises(FrameError, match="CRC"):
            await client.event()


async def test_rubbish(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        camera.rubbish(20)
        with pytest.raises(FrameError, match="not a frame"):
            await client.frame()


async def test_split(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        camera.faults.split = 50
        first, second = camera.emit_face(), camera.emit_motion()
        client.reads.clear()
        assert (await client.event())["event_id"] == first
        assert (await client.event())["event_id"] == second
        assert len(client.reads) > 2
        # What was written before the fault ended stays ahead of what comes after it.
        third = camera.emit_face()
        camera.faults.split = 0
        fourth = camera.emit_face()
        assert [(await client.event())["event_id"] for _ in range(2)] == [third, fourth]


async def test_split_ahead_of_the_end(camera: SimulatedCamera) -> None:
    camera.faults.split = 1
    async with connection(camera) as client:
        assert await client.connect(app_id="other") == 1
        assert await client.is_closed()


async def test_merge(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        camera.faults.merge = 3
        camera.emit_face()
        camera.emit_face()
        assert await client.request(PacketType.PINGREQ) == {}
        client.reads.clear()
        camera.emit_face()
        assert [(await client.event())["event_id"] for _ in range(3)] == [1, 2, 3]
        assert len(client.reads) == 1
        camera.emit_face()
        camera.clear_faults()
        assert (await client.event())["event_id"] == 4


async def test_delay(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        camera.faults.delay = 0.1
        before = time.monotonic()
        client.send(PacketType.PINGREQ)
        client.send(PacketType.SUBSCRIBE, {"event_list": ["unknown"]})
        assert await client.receive(PacketType.PINGRESP) == {}
        assert time.monotonic() - before >= 0.1
        assert await client.receive(PacketType.SUBACK) == {"code": 310}


async def test_refuse_the_next_requests(camera: SimulatedCamera) -> None:
    camera.faults.refuse("connect", 3, 2)
    camera.faults.refuse("subscribe", 12)
    for code in (3, 3):
        async with connection(camera) as client:
            assert await client.connect() == code
            assert await client.is_closed()
    async with connection(camera) as client:
        assert await client.connect() == 0
        assert await client.subscribe() == 12
        assert await client.subscribe() == 0


async def test_a_call_that_it_lacks_is_refused_and_no_other(
    camera: SimulatedCamera, http: aiohttp.ClientSession
) -> None:
    api = Api(http, camera)
    camera.faults.lacking[GET_LED_SWITCH.path] = 12
    assert [await api.code(GET_LED_SWITCH), await api.code(GET_LED_SWITCH)] == [12, 12]
    assert (await api.call(GET_IR_MODE))[0] == 0


async def test_reboot(camera: SimulatedCamera) -> None:
    port = camera.channel_port
    async with subscription(camera) as client:
        camera.emit_face()
        camera.emit_face()
        camera.in_background(camera.reboot(0.1))
        await camera.wait_until(lambda: not camera.running)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(camera.host, port)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(camera.host, camera.api_port)
        await camera.wait_until(lambda: camera.running)
        assert (await client.event())["event_id"] == 1
        assert (await client.event())["event_id"] == 2
        assert await client.is_closed()
    assert camera.channel_port == port
    async with subscription(camera) as client:
        assert camera.emit_face() == 1
        assert (await client.event())["event_id"] == 1
    assert camera.sent_count == 3


async def test_move(camera: SimulatedCamera) -> None:
    port, fingerprint = camera.channel_port, camera.fingerprint
    async with subscription(camera) as client:
        await camera.move("127.0.0.77")
        assert await client.is_closed()
    assert (camera.host, camera.channel_port, camera.fingerprint) == ("127.0.0.77", port, fingerprint)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    async with subscription(camera) as client:
        camera.emit_motion()
        assert (await client.event())["video_url"].startswith("https://127.0.0.77:")


async def test_a_move_that_fails_leaves_it_where_it_was(camera: SimulatedCamera) -> None:
    with pytest.raises(OSError, match=r"240\.0\.0\.1"):
        await camera.move("240.0.0.1")
    assert camera.host == "127.0.0.1"
    async with subscription(camera):
        assert camera.running


async def test_change_certificate() -> None:
    settings = CameraSettings(discovery_port=None)
    async with SimulatedCamera(settings) as camera, SimulatedCamera(settings) as other:
        before = await shown_certificate(camera, camera.channel_port)
        shared = camera.fingerprint
        async with subscription(camera) as client:
            await camera.change_certificate()
            assert await client.is_closed()
        after = await shown_certificate(camera, camera.channel_port)
        assert after not in (before, await shown_certificate(other, other.channel_port))
        assert after == await shown_certificate(camera, camera.api_port)
        assert camera.fingerprint != shared == other.fingerprint


async def test_duplicate(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        camera.faults.duplicate = True
        camera.emit_face()
        assert await client.event() == await client.event()
        assert camera.sent_count == 1


async def test_wrong_serial(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        camera.faults.wrong_serial = "FS101D8BS99999"
        camera.emit_face()
        assert (await client.event())["sn"] == "FS101D8BS99999"


@pytest.mark.parametrize("payload", [b"", b"[1]", b"\xff\xfe", b'{"event_id": "x"}', b'{"event_type": "new_event"}'])
async def test_raw(camera: SimulatedCamera, payload: bytes) -> None:
    async with subscription(camera) as client:
        camera.raw(payload)
        frame = await client.frame()
        assert (frame.type, frame.payload) == (PacketType.PUBLISH, payload)
        assert camera.sent_count == 0


async def test_raw_with_an_id_can_be_acknowledged(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        camera.raw(b'{"event_id": 7, "event_type": "new_event"}')
        client.acknowledge((await client.event())["event_id"])
        await camera.wait_for_acknowledged(1)
        assert camera.stray_acknowledgements == []


async def test_flood(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        camera.flood(2000)
        for number in range(1, 2001):
            assert (await client.event())["event_id"] == number
            client.acknowledge(number)
        await camera.wait_for_all_acknowledged()
        await camera.drained()
        assert len(camera.acknowledged) == camera.acknowledged_count == 2000


async def test_clear_switches_everything_off(camera: SimulatedCamera) -> None:
    faults = camera.faults
    faults.silence()
    faults.refuse("connect", 3, 100)
    faults.damage_crc = faults.split = faults.merge = 9
    faults.delay = faults.clock_offset = 60.0
    faults.lacking[GET_LED_SWITCH.path] = 12
    faults.duplicate = faults.no_discovery = True
    faults.wrong_serial = faults.discovery_ip = "x"
    camera.clear_faults()
    async with subscription(camera) as client:
        camera.emit_face()
        event = await client.event()
        assert event["sn"] == camera.sn
        assert abs(event["report_time"] - time.time()) < 30
    assert faults == Faults(faults.changes)
