"""The web server for one test, on a free port, and clients that send what they like."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ipc_bridge.bridge.health import Health
from ipc_bridge.bridge.hook_door import HookDoor
from ipc_bridge.bridge.hook_doors import HookDoors
from ipc_bridge.bridge.lateness import CameraClock
from ipc_bridge.bridge.link import Acknowledge
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.config import Web
from ipc_bridge.models import Transport
from ipc_bridge.simulator.posts import write_form
from ipc_bridge.web.application import make_application
from ipc_bridge.web.server import WebServer
from ipc_bridge.wire.signing import Credentials, sign
from tests.bridge.rig import TOPICS
from tests.mqtt.broker import HOST, free_port

SN = "FS101D8BS00101"
PATIENCE = 10.0
CREDENTIALS = Credentials("demo-app", "demo-secret")
_counter = iter(range(100_000, 1_000_000))


@dataclass
class Clock:
    """Two clocks that go on when they are told to."""

    now: float = field(default_factory=time.time)
    boot: str = "boot"

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@dataclass
class Answer:
    """What came back; ``continued`` says whether a 100 went ahead."""

    status: int
    headers: dict[str, str]
    body: bytes
    continued: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """A socket that speaks HTTP as it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> Answer:
        """Read one answer, and a 100 before it."""
        async with asyncio.timeout(PATIENCE):
            status, headers = await self._head()
            continued = status == 100
            if continued:
                status, headers = await self._head()
            if "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
            else:
                body = await self.reader.read()
            return Answer(status, headers, body, continued)

    async def continued(self) -> None:
        """Return once a 100 has come."""
        async with asyncio.timeout(PATIENCE):
            status, _ = await self._head()
            assert status == 100

    async def closed(self) -> bytes:
        """Return what still comes before the other side hangs up."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def _head(self) -> tuple[int, dict[str, str]]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().strip().split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}


@dataclass
class Served:
    """A running server, its doors, and one camera's door with what came through it."""

    port: int
    server: WebServer
    doors: HookDoors
    door: HookDoor
    clock: Clock
    camera_clock: CameraClock
    health: Health
    events: list[bytes] = field(default_factory=list)
    acknowledgements: list[Acknowledge] = field(default_factory=list)
    is_safe: bool = True
    """Whether events are on the disk at once."""

    def received(self, payload: bytes, transport: Transport, acknowledge: Acknowledge) -> None:
        assert transport is Transport.HOOK
        self.events.append(payload)
        self.acknowledgements.append(acknowledge)
        if self.is_safe:
            acknowledge(None)

    @property
    def path(self) -> str:
        return f"/hook/{self.door.path}"

    @contextlib.asynccontextmanager
    async def connection(self, source: str = HOST) -> AsyncIterator[Connection]:
        """A connection from the address ``source``."""
        reader, writer = await asyncio.open_connection(HOST, self.port, local_addr=(source, 0))
        try:
            yield Connection(reader, writer)
        finally:
            writer.transport.abort()

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str | None] | None = None,
        source: str = HOST,
    ) -> Answer:
        """Make one request; a header of None is left out."""
        async with self.connection(source) as connection:
            connection.send(self.head(method, path, body, headers) + body)
            return await connection.answer()

    def head(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str | None] | None = None) -> bytes:
        """The head of a request."""
        wanted: dict[str, str | None] = {
            "Host": f"{HOST}:{self.port}",
            **({"Content-Length": str(len(body))} if body else {}),
        }
        wanted.update(headers or {})
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in wanted.items() if text is not None)]
        return "\r\n".join([*lines, "", ""]).encode()

    async def post(
        self,
        fields: Mapping[str, str] | None = None,
        *,
        path: str | None = None,
        headers: Mapping[str, str | None] | None = None,
        source: str = HOST,
    ) -> Answer:
        """Post a form to the camera's door, a whole and signed one where ``fields`` is None."""
        form = write_form(self.fields() if fields is None else fields)
        headers = {"Content-Type": form.content_type, **(headers or {})}
        return await self.ask("POST", path or self.path, form.body, headers, source)

    def fields(
        self, *, key: str = CREDENTIALS.secret_key, ago: float = 0.0, omit: str | None = None, **changes: str
    ) -> dict[str, str]:
        """The fields of a post, signed with ``key`` and dated back by ``ago`` seconds."""
        fields = {
            "app_id": CREDENTIALS.app_id,
            "random": str(next(_counter)),
            "timestamp": str(int(self.clock.now - ago)),
            "payload": '{"event_id": 1}',
            **changes,
        }
        fields.setdefault("sign", sign(fields, key))
        fields.pop(omit or "", None)
        return fields


@contextlib.asynccontextmanager
async def serving(plugins: Mapping[str, Path] | None = None, **config: Any) -> AsyncIterator[Served]:
    """A web server with the ``web`` section ``config``, and a door that is open for this machine."""
    settings = Web(**{"port": free_port(), "public_url": f"http://{HOST}", **config})
    clock = Clock()
    doors = HookDoors(clock, settings.public_url)
    health = Health(TOPICS, Publisher(TOPICS, lambda _entry: False, drop_late=False), clock)
    camera_clock = CameraClock(SN)

    def received(payload: bytes, transport: Transport, acknowledge: Acknowledge) -> None:
        served.received(payload, transport, acknowledge)

    door = HookDoor(SN, CREDENTIALS, camera_clock, clock, received)
    door.addresses = frozenset({HOST})
    doors.open(door)
    server = WebServer(settings, make_application(settings, health, doors, {} if plugins is None else plugins))
    served = Served(settings.port, server, doors, door, clock, camera_clock, health)
    task = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(PATIENCE):
            await server.listening.wait()
        yield served
    finally:
        task.cancel()
        await asyncio.wait([task])
