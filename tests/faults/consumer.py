"""Somebody to whom every event matters: an MQTT client that misses nothing itself, and writes down what it gets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from ipc_bridge.simulator.changes import Changes
from tests.e2e.harness import LOCALHOST, PATIENCE
from tests.faults import packets

CLIENT_ID = "consumer"
SWITCHES = ("motion", "sound", "human")
TOPICS = ("ipc_bridge/camera/+/event/+", *(f"ipc_bridge/camera/+/{switch}" for switch in SWITCHES))
_RETRY = 0.02
_READ = 1 << 18


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event as it came.

    Attributes:
        at: when, on the monotonic clock.
        switches: what it says is detected.
        again: the broker itself says that it may have sent this before.
    """

    sn: str
    uid: str
    epoch: int
    seq: int
    late: bool
    at: float
    switches: frozenset[str] = frozenset()
    again: bool = False


@dataclass(frozen=True, slots=True)
class SwitchedOn:
    """A live ``ON``."""

    sn: str
    switch: str
    at: float


class Consumer:
    """Subscribes with QoS 1 in a session that outlives its connections, and comes back by itself.

    It reads a connection to its very end, also where the broker was killed: what a broker had sent to it before
    counts as delivered, because the broker may have acknowledged it to the bridge.

    Args:
        port: the broker's.
    """

    def __init__(self, port: int) -> None:
        self.deliveries: list[Delivery] = []
        self.switched_on: list[SwitchedOn] = []
        self.uids: set[str] = set()
        self._port = port
        self._changes = Changes()
        self._subscribed = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect; return when the subscriptions hold."""
        self._task = asyncio.create_task(self._run())
        await self.subscribed()

    async def stop(self) -> None:
        """Hang up; the broker keeps the session."""
        if self._task is not None:
            self._task.cancel()
            task, self._task = self._task, None
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._subscribed = False

    async def subscribed(self) -> None:
        """Return once it is connected and its subscriptions hold."""
        await self.wait_until(lambda: self._subscribed, "the consumer's subscription")

    async def more(self, count: int) -> None:
        """Return once ``count`` more deliveries have come."""
        before = len(self.deliveries)
        await self.wait_until(lambda: len(self.deliveries) >= before + count, f"{count} more events")

    async def wait_until(self, condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
        """Return once ``condition()`` holds; it is looked at whenever something comes.

        Raises:
            AssertionError: ``what`` did not happen.
        """
        try:
            await self._changes.wait_for(condition, timeout)
        except TimeoutError:
            raise AssertionError(f"within {timeout:g} s not seen: {what}; {len(self.uids)} events came") from None

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                await self._session()
            self._subscribed = False
            await asyncio.sleep(_RETRY)

    async def _session(self) -> None:
        loop = asyncio.get_running_loop()
        decoder = packets.Decoder()
        with socket.socket() as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, (LOCALHOST, self._port))
            await loop.sock_sendall(sock, packets.connect(CLIENT_ID, clean=False) + packets.subscribe(TOPICS))
            while data := await loop.sock_recv(sock, _READ):
                acknowledgements = self._take(decoder, data, time.monotonic())
                # Not with asyncio's streams: they throw away what is not read yet where a write fails.
                with contextlib.suppress(OSError):
                    sock.send(acknowledgements)
                self._changes.notify()

    def _take(self, decoder: packets.Decoder, data: bytes, at: float) -> bytes:
        """Write down what is in ``data`` and return what is to be sent for it."""
        answers = bytearray()
        for first_byte, body in decoder.feed(data):
            match first_byte >> 4:
                case packets.SUBACK:
                    self._subscribed = True
                case packets.PUBLISH:
                    publication = packets.publication(first_byte, body)
                    if publication.mid:
                        answers += packets.puback(publication.mid)
                    self._record(publication, at)
        return bytes(answers)

    def _record(self, publication: packets.Publication, at: float) -> None:
        _base, _camera, sn, leaf, *kind = publication.topic.split("/")
        if kind:
            event = json.loads(publication.payload)
            switches = frozenset(switch for switch in SWITCHES if event.get(switch) is True)
            delivery = Delivery(
                sn, event["uid"], event["epoch"], event["seq"], event["late"], at, switches, publication.dup
            )
            self.deliveries.append(delivery)
            self.uids.add(delivery.uid)
        elif publication.payload == b"ON" and not publication.dup:
            self.switched_on.append(SwitchedOn(sn, leaf, at))
