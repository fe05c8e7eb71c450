"""As much MQTT as a benchmark needs: packets to bytes, bytes to packets, nothing checked.

For the floor and the subscriber, which must cost next to nothing; the bridge has its own client.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9
KEEP_ALIVE = 600
"""Seconds; no measurement takes so long, so nobody has to send a heartbeat."""
RECEIVE_MAXIMUM = 0x21
"""The MQTT 5 property by which a broker says how many unacknowledged publications it takes."""


def text(value: str) -> bytes:
    """A string with its length ahead."""
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def packet(first_byte: int, body: bytes) -> bytes:
    """One packet: type and flags, the remaining length, the rest."""
    length, head = len(body), bytearray((first_byte,))
    while True:
        length, digit = divmod(length, 128)
        head.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(head) + body


def connect(client_id: str) -> bytes:
    """An MQTT 5 CONNECT with a clean start."""
    return packet(0x10, text("MQTT") + struct.pack(">BBHB", 5, 2, KEEP_ALIVE, 0) + text(client_id))


def subscribe(topic: str) -> bytes:
    """An MQTT 5 SUBSCRIBE with QoS 0: what the broker loses is not the peer's fault, and it loses nothing here."""
    return packet(0x82, struct.pack(">HB", 1, 0) + text(topic) + b"\x00")


def packets(buffer: bytearray) -> Iterator[tuple[int, memoryview]]:
    """Take the whole packets out of ``buffer``: each one's type and what follows its length.

    A body is only valid until the next one is asked for.
    """
    start = 0
    view = memoryview(buffer)
    end = len(buffer)
    try:
        while start + 2 <= end:
            at, length, shift = start + 1, 0, 0
            while at < end:
                digit = view[at]
                length |= (digit & 0x7F) << shift
                shift += 7
                at += 1
                if digit < 0x80:
                    break
            else:
                break
            if at + length > end:
                break
            with view[at : at + length] as body:
                yield view[start] >> 4, body
            start = at + length
    finally:
        view.release()
        del buffer[:start]


def receive_maximum(connack: bytes) -> int:
    """What CONNACK says about the window; 65,535 where it says nothing. Knows mosquitto's properties only."""
    at, properties = 3, connack[3:]
    sizes = {RECEIVE_MAXIMUM: 2, 0x22: 2, 0x24: 1, 0x25: 1, 0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1, 0x13: 2, 0x11: 4}
    while properties:
        kind = connack[at]
        if kind == RECEIVE_MAXIMUM:
            return int.from_bytes(connack[at + 1 : at + 3])
        if kind not in sizes:
            break
        at += 1 + sizes[kind]
        properties = connack[at:]
    return 65_535
