"""A broker that misbehaves as mosquitto cannot: refuses a protocol, hangs up, keeps its acknowledgements."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.mqtt.broker import HOST, eventually

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 14
UNSUPPORTED_VERSION_5 = 0x84
UNSUPPORTED_VERSION_3 = 0x01
RECEIVE_MAXIMUM = 0x21


@dataclass(frozen=True)
class Publication:
    """A PUBLISH that came."""

    topic: str
    payload: bytes
    mid: int
    retain: bool
    dup: bool


@dataclass
class FakeBroker:
    """Behaviour is set before or between connections.

    Args:
        hangs_up_on: protocol levels (5 is MQTT 5, 4 is 3.1.1) whose CONNECT gets no answer.
        refuses: the code of CONNACK by protocol level.
        receive_maximum: how many unacknowledged publications it allows, MQTT 5 only.
        acknowledges: whether PUBLISH gets its PUBACK at once.
        answers_connect: whether CONNECT is answered at all.
    """

    hangs_up_on: frozenset[int] = frozenset()
    refuses: dict[int, int] = field(default_factory=dict)
    receive_maximum: int | None = None
    acknowledges: bool = True
    answers_connect: bool = True
    suback: int = 1
    port: int = 0
    levels: list[int] = field(default_factory=list)
    """Of every CONNECT that came."""
    publications: list[Publication] = field(default_factory=list)
    packets: list[int] = field(default_factory=list)
    """Types of all that came."""
    most_unacknowledged: int = 0
    unacknowledged: list[int] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def payloads(self) -> list[bytes]:
        return [publication.payload for publication in self.publications]

    async def published(self, count: int) -> None:
        """Return once ``count`` publications have come."""
        try:
            await eventually(lambda: len(self.publications) >= count)
        except TimeoutError:
            raise AssertionError(f"only {self.publications} came") from None

    def acknowledge(self, mid: int, reason: int = 0) -> None:
        if mid in self.unacknowledged:
            self.unacknowledged.remove(mid)
        body = struct.pack(">H", mid) + (bytes([reason]) if reason else b"")
        self.send(PUBACK << 4, body)

    def acknowledge_all(self) -> None:
        for mid in list(self.unacknowledged):
            self.acknowledge(mid)

    def send(self, head: int, body: bytes) -> None:
        self.writers[-1].write(bytes([head, len(body)]) + body)

    def cut(self) -> None:
        """End every connection without a word."""
        for writer in self.writers:
            writer.transport.abort()
        self.unacknowledged.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._packet(reader, writer):
                pass
        writer.close()

    async def _packet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readexactly(1))[0]
        length, shift = 0, 0
        while True:
            byte = (await reader.readexactly(1))[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        body = await reader.readexactly(length)
        self.packets.append(head >> 4)
        match head >> 4:
            case 1:
                return self._connect(body)
            case 3:
                self._publish(head, body)
            case 8:
                properties = bytes([0]) if self.levels[-1] == 5 else b""
                self.send(SUBACK << 4, body[:2] + properties + bytes([self.suback]))
            case 14:
                return False
        return True

    def _connect(self, body: bytes) -> bool:
        level = body[6]
        self.levels.append(level)
        if level in self.hangs_up_on:
            return False
        if not self.answers_connect:
            return True
        code = self.refuses.get(level, 0)
        properties = b""
        if level == 5:
            maximum = b"" if self.receive_maximum is None else struct.pack(">BH", RECEIVE_MAXIMUM, self.receive_maximum)
            properties = bytes([len(maximum)]) + maximum
        self.send(CONNACK << 4, bytes([0, code]) + properties)
        return code == 0

    def _publish(self, head: int, body: bytes) -> None:
        size = struct.unpack_from(">H", body)[0]
        topic = body[2 : 2 + size].decode()
        mid = struct.unpack_from(">H", body, 2 + size)[0]
        rest = 4 + size
        if self.levels[-1] == 5:
            rest += 1 + body[rest]
        self.publications.append(Publication(topic, body[rest:], mid, bool(head & 1), bool(head & 8)))
        self.unacknowledged.append(mid)
        self.most_unacknowledged = max(self.most_unacknowledged, len(self.unacknowledged))
        if self.acknowledges:
            self.acknowledge(mid)


@contextlib.asynccontextmanager
async def fake_broker(broker: FakeBroker | None = None) -> AsyncIterator[FakeBroker]:
    """Run it on a free port."""
    broker = broker or FakeBroker()
    server = await asyncio.start_server(broker.serve, HOST, 0)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        server.close()
        broker.cut()
        # A transport that is aborted closes its socket in the loop's next turn.
        await asyncio.gather(*(writer.wait_closed() for writer in broker.writers), return_exceptions=True)
