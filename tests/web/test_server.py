"""The server itself: its port, its limits, and what people on the network may do to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket

import pytest
from aiohttp import web

from ipc_bridge.config import Web
from ipc_bridge.simulator.posts import write_form
from ipc_bridge.web import gate
from ipc_bridge.web.server import WebServer
from tests.mqtt.broker import HOST, eventually, free_port
from tests.web.rig import Served, serving

ELSEWHERE = "127.0.0.9"


# Its port.


async def test_a_port_that_is_taken_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    server = WebServer(Web(port=port), web.Application(), retry_seconds=0.01)
    with socket.socket() as other:
        other.bind((HOST, port))
        other.listen()
        task = asyncio.create_task(server.run())
        await eventually(lambda: server.problem is not None)
        assert f"cannot listen on {HOST}:{port}" in (server.problem or "")
        caplog.set_level(logging.DEBUG, "ipc_bridge.web")
        await eventually(lambda: caplog.text.count("cannot listen on") >= 3)
    async with asyncio.timeout(10):
        await server.listening.wait()
    assert server.problem is None
    levels = [record.levelname for record in caplog.records if "cannot listen on" in record.getMessage()]
    assert (levels[0], set(levels[1:])) == ("ERROR", {"DEBUG"})
    task.cancel()
    await asyncio.wait([task])
    assert not server.listening.is_set()
    with socket.socket() as other:
        other.bind((HOST, port))


async def test_a_host_that_is_none(caplog: pytest.LogCaptureFixture) -> None:
    server = WebServer(Web(host="192.0.2.1", port=free_port()), web.Application(), retry_seconds=0.01)
    task = asyncio.create_task(server.run())
    await eventually(lambda: server.problem is not None)
    assert "change web.host" in (server.problem or "")
    task.cancel()
    await asyncio.wait([task])


async def test_the_end_waits_for_no_idle_connection() -> None:
    async with contextlib.AsyncExitStack() as stack:
        served = await stack.enter_async_context(serving())
        connection = await stack.enter_async_context(served.connection())
        connection.send(served.head("GET", "/health"))
        assert (await connection.answer()).status == 200
        began = asyncio.get_running_loop().time()
        await stack.aclose()
        assert asyncio.get_running_loop().time() - began < gate.IDLE_TIMEOUT / 2


async def test_the_end_lets_a_post_come_to_its_own() -> None:
    async with contextlib.AsyncExitStack() as stack:
        served = await stack.enter_async_context(serving())
        served.is_safe = False
        posting = asyncio.create_task(served.post())
        await eventually(lambda: len(served.events) == 1)
        ending = asyncio.create_task(stack.aclose())
        await eventually(lambda: not served.server.listening.is_set())
        served.acknowledgements[0](1)
        assert (await posting).status == 200
        await ending


# Its limits.


async def test_connections_of_one_address_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_FROM_ONE", 2)
    async with serving() as served, contextlib.AsyncExitStack() as stack:
        held = [await stack.enter_async_context(served.connection(ELSEWHERE)) for _ in range(2)]
        async with served.connection(ELSEWHERE) as third:
            assert await third.closed() == b""
        assert (await served.post()).status == 200, "the camera does not suffer for it"
        for connection in held:
            connection.send(served.head("GET", "/health"))
            assert (await connection.answer()).status == 200
        held[0].writer.close()
        await held[0].writer.wait_closed()
        await eventually(lambda: connection_count(served) == 1)
        assert (await served.ask("GET", "/health", source=ELSEWHERE)).status == 200


async def test_all_connections_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_CONNECTIONS", 2)
    async with serving() as served, served.connection("127.0.0.8"), served.connection(ELSEWHERE):
        await eventually(lambda: connection_count(served) == 2)
        async with served.connection() as third:
            assert await third.closed() == b""


def connection_count(served: Served) -> int:
    """Connections that the server holds."""
    return served.server.connections


async def test_a_head_that_comes_byte_by_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "IDLE_TIMEOUT", 0.2)
    async with serving() as served, served.connection() as connection:

        async def drip() -> None:
            for byte in served.head("GET", "/health") * 100:
                connection.send(bytes([byte]))
                await asyncio.sleep(0.02)

        connection.send(b"GET /health HTTP/1.1\r\nA: ")
        dripping = asyncio.create_task(drip())
        assert await connection.closed() == b""
        dripping.cancel()


async def test_a_connection_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "IDLE_TIMEOUT", 0.1)
    async with serving() as served, served.connection() as connection:
        assert await connection.closed() == b""


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * gate.MAX_LINE + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"a" * (gate.MAX_LINE + 1) + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (gate.MAX_HEADERS + 10) + b"\r\n",
        b"no HTTP\r\n\r\n",
        b"\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03" + bytes(200),
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
async def test_heads_that_are_none(served: Served, head: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with served.connection() as connection:
        connection.send(head)
        assert (await connection.answer()).status == 400
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_ten_gigabytes_that_are_really_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LINGER", 0.1)
    async with serving() as served, served.connection() as connection:
        form = write_form(served.fields())
        headers = {"Content-Type": form.content_type, "Content-Length": str(10_000_000_000)}
        connection.send(served.head("POST", served.path, headers=headers))
        assert (await connection.answer()).status == 413
        sent = 0
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(10):
                while True:
                    connection.send(bytes(65_536))
                    await connection.writer.drain()
                    sent += 65_536
        assert sent < 10_000_000_000, "it hung up"


# Health.


async def test_health(served: Served) -> None:
    served.health.gather(lambda: {"journal": {"depth": 3}})
    answer = await served.ask("GET", "/health")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json["journal"] == {"depth": 3}
    assert answer.json["problems"] == []
    assert answer.json == served.health.report()


async def test_health_with_a_problem(served: Served) -> None:
    served.health.check(lambda: "the disk is full")
    answer = await served.ask("GET", "/health")
    assert (answer.status, answer.json["problems"]) == (503, ["the disk is full"])


async def test_a_bug_is_told_of(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> dict[str, int]:
        raise ZeroDivisionError

    served.health.gather(broken)
    answer = await served.ask("GET", "/health")
    assert answer.status == 500
    assert b"ZeroDivisionError" not in answer.body
    assert "ZeroDivisionError" in caplog.text
