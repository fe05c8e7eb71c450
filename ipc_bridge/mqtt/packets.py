"""The two packets that nearly all of the traffic is made of: PUBLISH with QoS 1, and its PUBACK.

paho takes 50 us for a publication and 20 us for an acknowledgement, which is more than all that the bridge does
besides with an event. So these two pass it by; all others are its own. No I/O here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

FIRST_NUMBER, LAST_NUMBER = 0x8000, 0xFFFF
"""Packet identifiers of our publications; paho's own, for subscriptions, count from 1."""
MAX_PACKET = 16 * 1024 * 1024
"""Bytes of a packet from the broker: a request of 2 MB is the largest that is of use, and larger ones are answered."""

_PUBLISH_QOS_1 = 0x32
_RETAIN = 0x01
_PUBACK = 0x40
_CORRELATION_DATA = 0x09
_USER_PROPERTY = 0x26
_FAILURE = 0x80


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The broker's answer to the publication ``number``."""

    number: int
    accepted: bool


class OversizedError(Exception):
    """A packet that is longer than any that is of use."""


class Incoming:
    """What comes from the broker, cut into packets."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> Iterator[Acknowledgement | bytes]:
        """Yield what is whole now: acknowledgements of our publications, and the bytes of all other packets.

        Raises:
            OversizedError: a packet is too long; the connection is of no use any more.
        """
        buffer = self._buffer
        buffer += data
        start = 0
        try:
            while (bounds := _bounds(buffer, start)) is not None:
                body, end = bounds
                if end - start > MAX_PACKET:
                    raise OversizedError
                if end > len(buffer):
                    return
                number = int.from_bytes(buffer[body : body + 2])
                packet_type = buffer[start]
                packet, start = (start, body, end), end
                if packet_type == _PUBACK and number >= FIRST_NUMBER:
                    reason = buffer[body + 2] if end - body > 2 else 0
                    yield Acknowledgement(number, reason < _FAILURE)
                else:
                    yield bytes(buffer[packet[0] : end])
        finally:
            del buffer[:start]


def encode_publish(
    topic: str,
    payload: bytes,
    number: int,
    *,
    retain: bool = False,
    properties: bytes | None = None,
) -> bytes:
    """A PUBLISH with QoS 1.

    Args:
        topic: without wildcards, at most 65,535 bytes.
        payload: as it is.
        number: its packet identifier.
        retain: whether the broker keeps it.
        properties: of MQTT 5, see :func:`encode_properties`; None in MQTT 3.1.1.
    """
    name = topic.encode()
    header = len(name).to_bytes(2) + name + number.to_bytes(2) + (properties or b"")
    first = _PUBLISH_QOS_1 | _RETAIN if retain else _PUBLISH_QOS_1
    return bytes((first,)) + _length(len(header) + len(payload)) + header + payload


def encode_properties(user: tuple[tuple[str, str], ...], correlation: bytes | None) -> bytes:
    """A publication's properties in MQTT 5, with their length in front."""
    if not user and correlation is None:
        return b"\x00"
    encoded = bytearray()
    if correlation is not None:
        encoded += bytes((_CORRELATION_DATA,)) + _text(correlation)
    for key, value in user:
        encoded += bytes((_USER_PROPERTY,)) + _text(key.encode()) + _text(value.encode())
    return _length(len(encoded)) + bytes(encoded)


def _text(content: bytes) -> bytes:
    return len(content).to_bytes(2) + content


def _length(number: int) -> bytes:
    """A number in MQTT's variable length: seven bits a byte, the lowest first."""
    encoded = bytearray()
    while True:
        number, bits = number >> 7, number & 0x7F
        encoded.append(bits | 0x80 if number else bits)
        if not number:
            return bytes(encoded)


def _bounds(buffer: bytearray, start: int) -> tuple[int, int] | None:
    """Where the body of the packet at ``start`` begins and ends; None where its length is not there yet.

    Raises:
        OversizedError: the length is none.
    """
    length = 0
    for index in range(4):
        at = start + 1 + index
        if at >= len(buffer):
            return None
        length |= (buffer[at] & 0x7F) << 7 * index
        if buffer[at] < 0x80:
            return at + 1, at + 1 + length
    raise OversizedError
