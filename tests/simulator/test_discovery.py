"""A camera answers to who asks, on the discovery port of whoever it was."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ipc_bridge.simulator import CameraSettings, Fleet, FleetSettings, SimulatedCamera
from ipc_bridge.wire.discovery import Message, MessageType, decode_message, encode_message
from tests.simulator.client import PATIENCE

HOST = "127.0.0.2"
REQUEST = encode_message(MessageType.REQUEST, {"reserve": "111"})


@pytest.fixture
def asker() -> Iterator[socket.socket]:
    """Where the bridge asks from: the discovery port of this test."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.0)
        yield sock


def port_of(asker: socket.socket) -> int:
    port: int = asker.getsockname()[1]
    return port


def fake(asker: socket.socket, **settings: Any) -> SimulatedCamera:
    return SimulatedCamera(CameraSettings(host=HOST, discovery_port=port_of(asker), **settings))


async def answer(asker: socket.socket) -> tuple[Message, str]:
    """The next datagram and where it came from."""
    async with asyncio.timeout(PATIENCE):
        data, (host, _port) = await asyncio.get_running_loop().sock_recvfrom(asker, 65536)
    return decode_message(data), host


@pytest.mark.parametrize("request_bytes", [REQUEST, encode_message(MessageType.REQUEST)])
async def test_the_answer(asker: socket.socket, request_bytes: bytes) -> None:
    async with fake(asker) as camera:
        asker.sendto(request_bytes, (HOST, port_of(asker)))
        message, host = await answer(asker)
        assert host == HOST
        assert message == Message(
            MessageType.ANSWER,
            {
                "ip": HOST,
                "mac": "02:00:00:00:00:01",
                "firmware": "1.3.6",
                "name": "SUNMI",
                "model": "FM020",
                "type": "IPC",
                "network": "LAN",
                "deviceid": "FS101D8BS00101",
            },
        )
        assert camera.discovery_answers == 1


async def test_it_answers_to_the_discovery_port_whatever_port_asked(asker: socket.socket) -> None:
    async with fake(asker):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(REQUEST, (HOST, port_of(asker)))
        assert (await answer(asker))[0].type is MessageType.ANSWER


async def test_what_is_no_request_gets_no_answer(asker: socket.socket) -> None:
    async with fake(asker) as camera:
        for datagram in (b"", b"hello", REQUEST[:-1], encode_message(MessageType.ANSWER, {"deviceid": "x"})):
            asker.sendto(datagram, (HOST, port_of(asker)))
        asker.sendto(REQUEST, (HOST, port_of(asker)))
        assert (await answer(asker))[0].fields["deviceid"] == camera.sn
        assert camera.discovery_answers == 1


async def test_faults_of_discovery(asker: socket.socket) -> None:
    async with fake(asker) as camera:
        camera.faults.no_discovery = True
        asker.sendto(REQUEST, (HOST, port_of(asker)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asyncio.get_running_loop().sock_recvfrom(asker, 65536)
        camera.faults.no_discovery = False
        camera.faults.discovery_ip = "192.168.0.9"
        camera.faults.delay = 0.1
        before = time.monotonic()
        asker.sendto(REQUEST, (HOST, port_of(asker)))
        message, host = await answer(asker)
        assert (message.fields["ip"], host) == ("192.168.0.9", HOST)
        assert time.monotonic() - before >= 0.1


async def test_after_a_move_it_answers_from_there(asker: socket.socket) -> None:
    async with fake(asker) as camera:
        await camera.move("127.0.0.78")
        asker.sendto(REQUEST, ("127.0.0.78", port_of(asker)))
        message, host = await answer(asker)
        assert message.fields["ip"] == host == "127.0.0.78"


async def test_an_address_that_is_not_ours(asker: socket.socket) -> None:
    camera = SimulatedCamera(CameraSettings(host=HOST, discovery_port=port_of(asker), discovery_broadcast="240.0.0.1"))
    with pytest.raises(OSError, match=r"discovery on 240\.0\.0\.1"):
        await camera.start()
    assert not camera.running


if sys.platform.startswith("linux"):

    async def test_a_fleet_hears_broadcasts(asker: socket.socket) -> None:
        common = CameraSettings(discovery_port=port_of(asker), discovery_broadcast="127.255.255.255")
        async with Fleet(FleetSettings(3, HOST, common)) as fleet:
            asker.sendto(REQUEST, ("127.255.255.255", port_of(asker)))
            found = {(await answer(asker))[0].fields["deviceid"] for _ in range(3)}
            assert found == {camera.sn for camera in fleet.cameras}
