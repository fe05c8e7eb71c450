"""What systemd is told, on a real notification socket."""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipc_bridge.service import READY, STOPPING, ServiceManager

PATIENCE = 10.0


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """Systemd's end: the value of NOTIFY_SOCKET and the socket behind it."""
    name = str(tmp_path / "notify")
    if request.param == "abstract":
        name = f"@ipc-bridge-test-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name[1:] if name.startswith("@") else name)
        sock.setblocking(False)
        yield name, sock


async def receive(sock: socket.socket) -> bytes:
    async with asyncio.timeout(PATIENCE):
        return await asyncio.get_running_loop().sock_recv(sock, 100)


async def test_ready_and_stopping(manager: tuple[str, socket.socket]) -> None:
    name, sock = manager
    service = ServiceManager({"NOTIFY_SOCKET": name})
    service.notify(READY)
    service.notify(STOPPING)
    assert await receive(sock) == b"READY=1"
    assert await receive(sock) == b"STOPPING=1"


async def test_the_watchdog_is_fed_again_and_again(manager: tuple[str, socket.socket]) -> None:
    name, sock = manager
    service = ServiceManager({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "20000"})
    feeding = asyncio.create_task(service.feed_watchdog())
    assert [await receive(sock) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    feeding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await feeding


@pytest.mark.parametrize("microseconds", [None, "", "0", "soon", "-1"])
async def test_without_a_watchdog_there_is_nothing_to_feed(microseconds: str | None) -> None:
    environment = {} if microseconds is None else {"WATCHDOG_USEC": microseconds}
    async with asyncio.timeout(PATIENCE):
        await ServiceManager(environment).feed_watchdog()


def test_without_systemd_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    ServiceManager({}).notify(READY)
    assert not caplog.records


def test_a_socket_that_is_gone_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).notify(READY)
    assert "systemd could not be told READY=1" in caplog.text
