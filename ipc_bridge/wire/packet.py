"""The message channel's packets: one table of types, names, directions and sizes.

Documented in "Message Channel" of the vendor's device API.
"""

from __future__ import annotations

import enum

from ipc_bridge.wire.frame import MAX_PAYLOAD, Coverage, FrameFormat

PORT = 10021


class PacketType(enum.IntEnum):
    """Packet types by the documents' table."""

    CONNECT = 1
    CONNACK = 2
    PINGREQ = 3
    PINGRESP = 4
    SUBSCRIBE = 5
    SUBACK = 6
    UNSUBSCRIBE = 7
    UNSUBACK = 8
    PUBLISH = 9
    PUBACK = 10
    DISCONNECT = 11
    DISCONNECT_IN_PROSE = 17
    """The documents' prose gives 0x11 for DISCONNECT: understood, never sent."""


UNSUBACK_IN_PROSE = PacketType.UNSUBSCRIBE
"""The prose gives 7 for UNSUBACK. A camera never unsubscribes, so 7 from it can mean nothing else."""

_MAX_CONTROL_PAYLOAD = 1024
"""Everything but an event is a code, an id or a signature: 200 bytes at most."""

FORMAT = FrameFormat(
    flag=bytes.fromhex("FF3E3EFF"),
    limits={kind: MAX_PAYLOAD if kind is PacketType.PUBLISH else _MAX_CONTROL_PAYLOAD for kind in PacketType},
    coverages=(Coverage.PAYLOAD, Coverage.FRAME),
)

FACE_EVENT = "face_recog_event"
DETECT_EVENT = "dynamic_detect_event"
"""The two topics that SUBSCRIBE and ``hook/add`` know."""
