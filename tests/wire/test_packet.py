"""The channel's tables, against the documents' numbers."""

from __future__ import annotations

import pytest

from ipc_bridge.wire import packet
from ipc_bridge.wire.frame import Coverage
from ipc_bridge.wire.packet import FORMAT, PacketType

NUMBERS = {
    "CONNECT": 1,
    "CONNACK": 2,
    "PINGREQ": 3,
    "PINGRESP": 4,
    "SUBSCRIBE": 5,
    "SUBACK": 6,
    "UNSUBSCRIBE": 7,
    "UNSUBACK": 8,
    "PUBLISH": 9,
    "PUBACK": 10,
    "DISCONNECT": 11,
    "DISCONNECT_IN_PROSE": 0x11,
}


def test_the_packet_types_are_the_documents() -> None:
    assert {kind.name: kind.value for kind in PacketType} == NUMBERS
    assert packet.UNSUBACK_IN_PROSE == 7


@pytest.mark.parametrize("packet_type", NUMBERS.values(), ids=NUMBERS)
def test_only_an_event_may_be_long(packet_type: int) -> None:
    assert FORMAT.limits[packet_type] == (65_535 if packet_type == 9 else 1024)


def test_the_channels_constants() -> None:
    assert packet.PORT == 10_021
    assert FORMAT.flag == b"\xff\x3e\x3e\xff"
    assert set(FORMAT.coverages) == {Coverage.PAYLOAD, Coverage.FRAME}
    assert sorted(FORMAT.limits) == sorted(NUMBERS.values())
    assert (packet.FACE_EVENT, packet.DETECT_EVENT) == ("face_recog_event", "dynamic_detect_event")
