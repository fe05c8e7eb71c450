"""As much MQTT 3.1.1 as somebody needs who only listens, or only takes a client id: nothing is checked."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CONNACK, PUBLISH, SUBACK = 2, 3, 9
_LEVEL = 4
_CLEAN_SESSION = 2
_NO_KEEP_ALIVE = 0


@dataclass(frozen=True, slots=True)
class Publication:
    """A PUBLISH with QoS 1 or 0; ``mid`` is 0 for the latter. ``dup`` is the broker's word that it says it again."""

    topic: str
    payload: bytes
    mid: int
    retain: bool
    dup: bool


def connect(client_id: str, *, clean: bool) -> bytes:
    """A CONNECT without keep-alive; a session that is not ``clean`` outlives its connection."""
    body = _text("MQTT") + struct.pack(">BBH", _LEVEL, _CLEAN_SESSION if clean else 0, _NO_KEEP_ALIVE)
    return _packet(0x10, body + _text(client_id))


def subscribe(topics: Iterable[str]) -> bytes:
    """A SUBSCRIBE with QoS 1."""
    return _packet(0x82, struct.pack(">H", 1) + b"".join(_text(topic) + b"\x01" for topic in topics))


def puback(mid: int) -> bytes:
    """The acknowledgement of a PUBLISH."""
    return _packet(0x40, struct.pack(">H", mid))


def publication(first_byte: int, body: bytes) -> Publication:
    """The content of a PUBLISH."""
    size = struct.unpack_from(">H", body)[0]
    topic, rest = body[2 : 2 + size].decode(), 2 + size
    mid = 0
    if first_byte & 0x06:
        mid = struct.unpack_from(">H", body, rest)[0]
        rest += 2
    return Publication(topic, body[rest:], mid, bool(first_byte & 1), bool(first_byte & 8))


class Decoder:
    """Bytes in, whole packets out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the first byte and the body of each packet that is whole."""
        buffer = self._buffer
        buffer += data
        start = 0
        while (whole := _extent(buffer, start)) is not None:
            begin, end = whole
            yield buffer[start], bytes(buffer[begin:end])
            start = end
        del buffer[:start]


def _extent(buffer: bytearray, start: int) -> tuple[int, int] | None:
    """Where the body of the packet at ``start`` begins and ends; None where it is not whole."""
    at, length, shift = start + 1, 0, 0
    while at < len(buffer):
        digit = buffer[at]
        length |= (digit & 0x7F) << shift
        shift += 7
        at += 1
        if digit < 0x80:
            return (at, at + length) if at + length <= len(buffer) else None
    return None


def _packet(first_byte: int, body: bytes) -> bytes:
    length, head = len(body), bytearray((first_byte,))
    while True:
        length, digit = divmod(length, 128)
        head.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(head) + body


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data
