"""Frames written out by hand from the protocol's description.

The CRCs were computed once, bit by bit with the reflected polynomial EDB88320, by a program that
shares nothing with the code under test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st

fuzz = settings(deadline=None, max_examples=200)
"""No deadline: the machine that runs the tests may be slow."""


class Vector(NamedTuple):
    """One packet on the wire, with its CRC over the payload and over header and payload."""

    name: str
    type: int
    header: str
    payload: bytes
    payload_crc: str
    frame_crc: str

    @property
    def by_payload(self) -> bytes:
        """The packet as the documents have it: the CRC covers the payload."""
        return bytes.fromhex(self.header) + self.payload + bytes.fromhex(self.payload_crc)

    @property
    def by_frame(self) -> bytes:
        """The packet with a CRC over header and payload."""
        return bytes.fromhex(self.header) + self.payload + bytes.fromhex(self.frame_crc)


_CONNECT = (
    b'{"app_id":"JO83UNV983U9OR","timestamp":"1593029283","random":"289192","keep_alive":30,'
    b'"sign":"B6CACD2DD438FDA48A349BC80D85D512"}'
)
_CONNECT_PLAIN = (
    b'{"app_id":"JO83UNV983U9OR","timestamp":"1593029283","random":"289192","keep_alive":30,'
    b'"sign":"08C57D894146ACA8F7814C162207A17D"}'
)
_TOPICS = b'{"event_list":["dynamic_detect_event"]}'

# The key is 12345678; the first is signed with keep_alive, the second without.
CONNECT = Vector("CONNECT", 1, "FF 3E 3E FF 01 01 00 80", _CONNECT, "78 70 62 D0", "EA C7 F4 A2")
CONNECT_PLAIN = Vector("CONNECT-plain", 1, "FF 3E 3E FF 01 01 00 80", _CONNECT_PLAIN, "23 63 AA CF", "B1 D4 3C BD")
CONNACK = Vector("CONNACK", 2, "FF 3E 3E FF 01 02 00 0A", b'{"code":0}', "72 3C AE 98", "CD 32 DA 68")
CONNACK_5 = Vector("CONNACK-5", 2, "FF 3E 3E FF 01 02 00 0A", b'{"code":5}', "0F 4B 5A DD", "B0 45 2E 2D")
PINGREQ = Vector("PINGREQ", 3, "FF 3E 3E FF 01 03 00 00", b"", "00 00 00 00", "F5 DB 7F ED")
PINGRESP = Vector("PINGRESP", 4, "FF 3E 3E FF 01 04 00 00", b"", "00 00 00 00", "F0 94 69 68")
SUBSCRIBE = Vector("SUBSCRIBE", 5, "FF 3E 3E FF 01 05 00 27", _TOPICS, "A8 B2 CC B7", "47 35 E2 0F")
SUBACK = Vector("SUBACK", 6, "FF 3E 3E FF 01 06 00 0A", b'{"code":0}', "72 3C AE 98", "0D 8B B0 FE")
SUBACK_310 = Vector("SUBACK-310", 6, "FF 3E 3E FF 01 06 00 0C", b'{"code":310}', "53 E8 0E 06", "3A A5 5F 2E")
UNSUBSCRIBE = Vector("UNSUBSCRIBE", 7, "FF 3E 3E FF 01 07 00 27", _TOPICS, "A8 B2 CC B7", "DE 37 ED 92")
UNSUBACK_PROSE = Vector("UNSUBACK-7", 7, "FF 3E 3E FF 01 07 00 0A", b'{"code":0}', "72 3C AE 98", "D0 1D 69 7B")
UNSUBACK = Vector("UNSUBACK", 8, "FF 3E 3E FF 01 08 00 0A", b'{"code":0}', "72 3C AE 98", "F7 6D BC 4E")
UNSUBACK_3 = Vector("UNSUBACK-3", 8, "FF 3E 3E FF 01 08 00 0A", b'{"code":3}', "59 11 FD 5B", "DC 40 EF 8D")
PUBLISH = Vector("PUBLISH", 9, "FF 3E 3E FF 01 09 00 0E", b'{"event_id":7}', "81 7D 3A 16", "AE 48 1E D7")
PUBLISH_EMPTY = Vector("PUBLISH-empty", 9, "FF 3E 3E FF 01 09 00 00", b"", "00 00 00 00", "F8 4C FA 3B")
PUBACK = Vector("PUBACK", 10, "FF 3E 3E FF 01 0A 00 0E", b'{"event_id":7}', "81 7D 3A 16", "FD D2 45 53")
DISCONNECT = Vector("DISCONNECT", 11, "FF 3E 3E FF 01 0B 00 00", b"", "00 00 00 00", "FB C8 2E 55")
DISCONNECT_PROSE = Vector("DISCONNECT-0x11", 17, "FF 3E 3E FF 01 11 00 00", b"", "00 00 00 00", "EA 79 08 F3")

CHANNEL = [
    CONNECT,
    CONNECT_PLAIN,
    CONNACK,
    CONNACK_5,
    PINGREQ,
    PINGRESP,
    SUBSCRIBE,
    SUBACK,
    SUBACK_310,
    UNSUBSCRIBE,
    UNSUBACK_PROSE,
    UNSUBACK,
    UNSUBACK_3,
    PUBLISH,
    PUBLISH_EMPTY,
    PUBACK,
    DISCONNECT,
    DISCONNECT_PROSE,
]


def chunks_of(data: bytes) -> st.SearchStrategy[list[bytes]]:
    """``data`` as a network may cut it: at any places, into pieces that may be empty."""
    cuts = st.lists(st.integers(0, len(data)), max_size=12).map(sorted)
    return cuts.map(lambda at: [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)])


@st.composite
def damaged(draw: Callable[[st.SearchStrategy[Any]], Any], data: bytes) -> bytes:
    """``data`` with a few bytes changed, added or left out."""
    result = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(result)))
        result[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    return bytes(result)


json_objects = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    ),
    max_size=6,
)
"""What an object on the wire can hold."""
