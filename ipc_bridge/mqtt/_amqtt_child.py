"""The process in which amqtt runs as the embedded broker; ``embedded`` starts it.

It reads amqtt's configuration as one line of JSON from its standard input, and ends when that input does: the bridge
holds the other end, so the broker cannot outlive it, however the bridge ends.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

# amqtt ships no type information, so its classes are Any to mypy.
from amqtt.broker import Broker  # type: ignore[import-untyped]  # see above
from amqtt.errors import AMQTTError  # type: ignore[import-untyped]  # see above
from amqtt.plugins.base import BaseAuthPlugin  # type: ignore[import-untyped]  # see above

if TYPE_CHECKING:
    from amqtt.session import Session  # type: ignore[import-untyped]  # see above

CONNECT_SECONDS: Final = 10.0  # for the first bytes of a client, and for its going after a refusal
MQTT_5: Final = b"\x00\x04MQTT\x05"  # protocol name and level, as they stand behind the fixed header
UNSUPPORTED_PROTOCOL_VERSION: Final = b"\x20\x03\x00\x84\x00"  # an MQTT 5 CONNACK


class OneUser(BaseAuthPlugin):  # type: ignore[misc]  # amqtt has no types
    """Lets in the one user that the configuration names, or everybody where it names none."""

    @dataclass
    class Config:
        """What amqtt passes on from its configuration."""

        username: str | None = None
        password: str | None = None

    async def authenticate(self, *, session: Session) -> bool:
        """Say whether the session may connect."""
        if self.config.username is None:
            return True
        given = f"{session.username or ''}\n{session.password or ''}"
        return hmac.compare_digest(given.encode(), f"{self.config.username}\n{self.config.password}".encode())


class ReplayingReader:
    """A stream of which the first bytes were looked at already. It has what amqtt uses of asyncio's reader."""

    def __init__(self, head: bytes, reader: asyncio.StreamReader) -> None:
        self._head = head
        self._reader = reader

    async def readexactly(self, count: int) -> bytes:
        """Read ``count`` bytes."""
        part, self._head = self._head[:count], self._head[count:]
        return part + await self._reader.readexactly(count - len(part))

    async def read(self, count: int = -1) -> bytes:
        """Read up to ``count`` bytes; -1 means all until the end."""
        return await self._reader.read(count) if not self._head else await self.readexactly(len(self._head[:count]))

    def feed_eof(self) -> None:
        """End the stream."""
        self._reader.feed_eof()


class Mqtt311Broker(Broker):  # type: ignore[misc]  # amqtt has no types
    """amqtt, but with a proper refusal of MQTT 5.

    By itself it reads the properties of an MQTT 5 CONNECT as lengths of strings and then waits for bytes that never
    come: the client hangs, instead of falling back to MQTT 3.1.1.
    """

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        """Serve a client that speaks MQTT 3.1.1, refuse one that speaks MQTT 5."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                head = await reader.readexactly(2)
                while head[-1] & 0x80 and len(head) < 5:  # the rest of the packet's length
                    head += await reader.readexactly(1)
                head += await reader.readexactly(len(MQTT_5))
                refused = head.endswith(MQTT_5)
                if refused:
                    writer.write(UNSUPPORTED_PROTOCOL_VERSION)
                    writer.write_eof()
                    while await reader.read(65536):  # closing with bytes unread would take the answer back
                        pass
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            refused = True
        if refused:
            writer.close()
        else:
            await super().stream_connected(ReplayingReader(head, reader), writer, listener_name)


async def run() -> None:
    """Run the broker until standard input ends."""
    broker = Mqtt311Broker(json.loads(sys.stdin.buffer.readline()))
    await broker.start()
    await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        asyncio.run(run())
    except AMQTTError as error:
        sys.exit(str(error))
