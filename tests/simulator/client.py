"""A client of the message channel that sends what it is told to, right or wrong."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ipc_bridge.simulator import SimulatedCamera
from ipc_bridge.wire.frame import Coverage, Frame, FrameDecoder, encode_frame
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT, FORMAT, PacketType
from ipc_bridge.wire.payload import decode_object, encode_object
from ipc_bridge.wire.signing import Credentials, public_params, sign

PATIENCE = 5.0
"""Seconds after which what did not come will not come."""
CREDENTIALS = Credentials("demo-app", "demo-secret")


@functools.cache
def trusting_context() -> ssl.SSLContext:
    """TLS to whoever answers, weak keys included."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connect_fields(**changes: Any) -> dict[str, Any]:
    """A CONNECT in order, apart from ``changes``: a value, or None for a key that is missing.

    ``secret_key`` changes the key it is signed with, ``signs_keep_alive`` what is signed.
    """
    secret_key = changes.pop("secret_key", CREDENTIALS.secret_key)
    signs_keep_alive = changes.pop("signs_keep_alive", True)
    fields: dict[str, Any] = {**public_params(CREDENTIALS, int(time.time()), "289192"), "keep_alive": 30}
    fields = {name: value for name, value in {**fields, **changes}.items() if value is not None}
    signed = {name: str(value) for name, value in fields.items() if name != "keep_alive" or signs_keep_alive}
    return {"sign": sign(signed, secret_key), **fields}


class Client:
    """One connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, coverage: Coverage = Coverage.PAYLOAD
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.coverage = coverage
        self.reads: list[int] = []
        """How many bytes each read brought."""
        self._decoder = FrameDecoder(FORMAT)
        self._frames: list[Frame] = []

    def send(self, packet_type: PacketType, fields: dict[str, Any] | bytes = b"") -> None:
        """Send one packet."""
        payload = fields if isinstance(fields, bytes) else encode_object(fields)
        self.writer.write(encode_frame(FORMAT, packet_type, payload, self.coverage))

    async def receive(self, packet_type: PacketType) -> dict[str, Any]:
        """The payload of the next packet, which must be of that type."""
        frame = await self.frame()
        assert frame.type == packet_type
        return decode_object(frame.payload) if frame.payload else {}

    async def frame(self) -> Frame:
        """The next packet."""
        async with asyncio.timeout(PATIENCE):
            while not self._frames:
                data = await self.reader.read(65536)
                assert data, "the camera closed the connection"
                self.reads.append(len(data))
                self._frames.extend(self._decoder.feed(data))
        return self._frames.pop(0)

    async def is_closed(self) -> bool:
        """Whether the camera closes without another byte."""
        async with asyncio.timeout(PATIENCE):
            try:
                return not self._frames and await self.reader.read(65536) == b""
            except ConnectionError:
                return True

    async def request(self, packet_type: PacketType, fields: dict[str, Any] | bytes = b"") -> dict[str, Any]:
        """Send a packet and return the payload of its answer, whose type is the next."""
        self.send(packet_type, fields)
        return await self.receive(PacketType(packet_type + 1))

    async def connect(self, **changes: Any) -> int:
        """Send CONNECT and return the code of CONNACK."""
        code: int = (await self.request(PacketType.CONNECT, connect_fields(**changes)))["code"]
        return code

    async def subscribe(self, *topics: str) -> int:
        """Send SUBSCRIBE, for both topics where none is named, and return the code of SUBACK."""
        event_list = list(topics or (FACE_EVENT, DETECT_EVENT))
        code: int = (await self.request(PacketType.SUBSCRIBE, {"event_list": event_list}))["code"]
        return code

    async def event(self) -> dict[str, Any]:
        """The next event, not acknowledged."""
        return await self.receive(PacketType.PUBLISH)

    def acknowledge(self, event_id: int) -> None:
        """Send PUBACK."""
        self.send(PacketType.PUBACK, {"event_id": event_id})


@asynccontextmanager
async def connection(
    camera: SimulatedCamera,
    context: ssl.SSLContext | None = None,
    coverage: Coverage = Coverage.PAYLOAD,
    receive_buffer: int | None = None,
) -> AsyncIterator[Client]:
    """A TLS connection to the camera's channel, nothing sent yet.

    With ``receive_buffer`` the kernel takes in about so many bytes for a client that does not read.
    """
    sock = socket.socket()
    sock.settimeout(0.0)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    async with asyncio.timeout(PATIENCE):
        try:
            await asyncio.get_running_loop().sock_connect(sock, (camera.host, camera.channel_port))
            reader, writer = await asyncio.open_connection(
                sock=sock, ssl=context or trusting_context(), server_hostname=camera.host
            )
        except BaseException:
            sock.close()
            raise
    try:
        yield Client(reader, writer, coverage)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def subscription(camera: SimulatedCamera, receive_buffer: int | None = None) -> AsyncIterator[Client]:
    """A connection that is subscribed to both topics."""
    async with connection(camera, receive_buffer=receive_buffer) as client:
        assert await client.connect() == 0
        assert await client.subscribe() == 0
        yield client
