"""The message channel's server: one :class:`asyncio.Protocol` a client."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import ssl
import struct
from collections import deque
from typing import cast

from ipc_bridge.errors import WireError
from ipc_bridge.simulator.session import Answer, ServerSession
from ipc_bridge.simulator.state import CameraState
from ipc_bridge.wire.frame import encode_frame
from ipc_bridge.wire.packet import FORMAT, PacketType
from ipc_bridge.wire.session import MISSED_HEARTBEATS

_log = logging.getLogger(__name__)

MAX_BACKLOG = 32 * 2**20
"""Bytes that wait for one client; who reads slower than that is dropped."""
PIECE_GAP = 0.001
"""Seconds between two pieces of the ``split`` fault, so that the peer reads them one by one."""
_RST_AFTER = 0.02
"""Seconds for half a frame to leave before the connection is reset."""
_NO_LINGER = struct.pack("ii", 1, 0)


class ChannelServer:
    """Listens for clients and hands them events."""

    def __init__(self, state: CameraState) -> None:
        self.state = state
        self.clients: list[ChannelClient] = []
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int, context: ssl.SSLContext) -> int:
        """Start listening and return the port.

        Raises:
            OSError: the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: ChannelClient(self), host, port, ssl=context, ssl_handshake_timeout=10.0, ssl_shutdown_timeout=2.0
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    def stop_listening(self) -> None:
        """Take no more clients; those that are there stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    @property
    def listening(self) -> bool:
        """Whether clients are taken."""
        return self._server is not None

    @property
    def subscribers(self) -> list[ChannelClient]:
        """Clients that subscribed to something."""
        return [client for client in self.clients if client.session.topics]

    def publish(self, topic: str | None, payload: bytes) -> None:
        """Send an event to who subscribed to ``topic``; None for every subscriber.

        Raises:
            FrameError: the payload is longer than a frame can be.
        """
        frame = encode_frame(FORMAT, PacketType.PUBLISH, payload, self.state.settings.dialect.coverage)
        if self.state.faults.silent:
            return
        copies = 2 if self.state.faults.duplicate else 1
        for client in self.clients:
            topics = client.session.topics
            if topic in topics or (topic is None and topics):
                for _ in range(copies):
                    client.send_event(frame)

    @property
    def backlog(self) -> int:
        """Bytes of events that wait because clients read too slowly."""
        return sum(client.backlog for client in self.clients)

    def flush(self) -> None:
        """Send what the ``merge`` fault holds back."""
        for client in self.clients:
            client.flush()

    def drop(self, *, farewell: bool = False) -> None:
        """Close every connection in order; with ``farewell`` DISCONNECT goes ahead."""
        for client in list(self.clients):
            client.close(client.session.disconnect() if farewell else b"")

    def abort(self) -> None:
        """Reset every connection in the middle of a frame."""
        for client in list(self.clients):
            client.abort_inside_frame()

    def rubbish(self, count: int, chance: random.Random) -> None:
        """Send ``count`` bytes that are no frame to every client."""
        # The first byte is no flag's first, so that it cannot be a frame by chance.
        for client in list(self.clients):
            client.write(b"\x00" + chance.randbytes(max(count - 1, 0)))

    def close(self) -> None:
        """Stop listening and cut every connection."""
        self.stop_listening()
        for client in list(self.clients):
            client.cut()


class ChannelClient(asyncio.Protocol):
    """One connection. Events are collected while the loop turns once and leave in one write."""

    def __init__(self, server: ChannelServer) -> None:
        self._server = server
        self._faults = server.state.faults
        self.session = ServerSession(server.state)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._closing = False
        """Nothing more is written, apart from the pieces that wait."""
        self._deaf = False
        self._watch: asyncio.TimerHandle | None = None
        self._heartbeats_seen = 0
        self._last_sign = 0.0
        self._events: list[bytes] = []
        self._events_size = 0
        self._flush_due = False
        self._writable = True
        self._pieces: deque[bytes] = deque()
        self._pump_due = False

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS is up."""
        self._transport = cast(asyncio.Transport, transport)
        # A handshake may end after the server did.
        if not self._server.listening or len(self._server.clients) >= self._server.state.settings.max_clients:
            self.close()
            return
        self._server.clients.append(self)
        self._watch = self._loop.call_later(self._server.state.settings.connect_timeout, self.close)
        self._server.state.changes.notify()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._closing or self._deaf:
            return
        connected = self.session.keep_alive is not None
        try:
            for answer in self.session.receive_data(data):
                if self._faults.delay:
                    self._loop.call_later(self._faults.delay, self._answer, answer)
                else:
                    self._answer(answer)
                if answer.ends:
                    self._deaf = True
                    break
        except WireError as error:
            _log.debug("%s: channel closed: %s", self._server.state.settings.sn, error)
            self.close()
        if self.session.heartbeats != self._heartbeats_seen or not connected:
            self._heartbeats_seen = self.session.heartbeats
            self._last_sign = self._loop.time()
            if not connected:
                self._watch_heartbeats()
        self._server.state.changes.notify()

    def pause_writing(self) -> None:
        """The client reads too slowly: events wait here."""
        self._writable = False

    def resume_writing(self) -> None:
        """The client caught up."""
        self._writable = True
        self._flush_now()
        self._server.state.changes.notify()

    def connection_lost(self, _error: Exception | None) -> None:
        """The connection is gone."""
        self._closing = True
        self._events.clear()
        self._pieces.clear()
        if self._watch is not None:
            self._watch.cancel()
        if self in self._server.clients:
            self._server.clients.remove(self)
        self._server.state.changes.notify()

    # Sending.

    @property
    def backlog(self) -> int:
        """Bytes of events that wait because this client reads too slowly."""
        return 0 if self._writable else self._events_size

    def send_event(self, frame: bytes) -> None:
        """Send a PUBLISH with the others of this turn of the loop."""
        if self._closing:
            return
        self._events.append(self._damage(frame))
        self._events_size += len(frame)
        if self._events_size > MAX_BACKLOG:
            _log.debug("%s: client dropped, it reads too slowly", self._server.state.settings.sn)
            self.cut()
        elif len(self._events) >= self._faults.merge:
            self.flush()

    def flush(self) -> None:
        """Let the events go that wait."""
        if not self._flush_due and self._writable:
            self._flush_due = True
            self._loop.call_soon(self._flush_now)

    def _flush_now(self) -> None:
        self._flush_due = False
        if self._events and self._writable:
            batch = b"".join(self._events)
            self._events.clear()
            self._events_size = 0
            self.write(batch)

    def write(self, data: bytes) -> None:
        """Write ``data``, in pieces where the ``split`` fault says so."""
        if self._closing or self._transport is None or not data:
            return
        size = self._faults.split
        if not size and not self._pieces:
            self._transport.write(data)
            return
        size = size or len(data)
        self._pieces.extend(data[start : start + size] for start in range(0, len(data), size))
        if not self._pump_due:
            self._pump()

    def _pump(self) -> None:
        self._pump_due = bool(self._pieces)
        if self._transport is None:
            return
        if self._pieces:
            self._transport.write(self._pieces.popleft())
            self._loop.call_later(PIECE_GAP, self._pump)
        elif self._closing:
            self._transport.close()

    def _answer(self, answer: Answer) -> None:
        # Events that are older than the answer go out before it.
        if not self._faults.merge:
            self._flush_now()
        if answer.data:
            self.write(self._damage(answer.data))
        if answer.ends:
            self.close()

    def _damage(self, frame: bytes) -> bytes:
        if not self._faults.damage_crc:
            return frame
        self._faults.damage_crc -= 1
        return frame[:-1] + bytes([frame[-1] ^ 0xFF])

    # Ending.

    def close(self, farewell: bytes = b"") -> None:
        """Close after what was written, ``farewell`` last."""
        if self._transport is not None and not self._closing:
            self._flush_now()
            self.write(farewell)
            self._closing = True
            if not self._pieces:
                self._transport.close()

    def cut(self) -> None:
        """Close without a word."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def abort_inside_frame(self) -> None:
        """Send half a frame, then reset the connection."""
        whole = encode_frame(FORMAT, PacketType.PUBLISH, bytes(64), self._server.state.settings.dialect.coverage)
        self.write(whole[: len(whole) // 2])
        self._closing = True
        self._loop.call_later(_RST_AFTER, self._reset)

    def _reset(self) -> None:
        if self._transport is not None:
            sock: socket.socket | None = self._transport.get_extra_info("socket")
            if sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._transport.abort()

    # A client's own silence. Only PINGREQ counts: "after three missed heartbeats".

    def _watch_heartbeats(self) -> None:
        """Close where the last heartbeat is three periods ago, else look again when that would be."""
        if self.session.keep_alive is None or self._closing:
            return
        allowed = self.session.keep_alive * self._server.state.settings.keep_alive_unit * MISSED_HEARTBEATS
        left = self._last_sign + allowed - self._loop.time()
        if left <= 0 and not self._faults.silent:
            self.close()
            return
        if self._watch is not None:
            self._watch.cancel()
        # A silent camera hangs: it does not count either.
        self._watch = self._loop.call_later(left if left > 0 else allowed, self._watch_heartbeats)
