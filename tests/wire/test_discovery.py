"""Discovery datagrams, against bytes written by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.errors import FrameError, PayloadError, WireError
from ipc_bridge.wire import discovery
from ipc_bridge.wire.discovery import FORMAT, Message, MessageType, decode_message, encode_message
from ipc_bridge.wire.frame import Coverage, encode_frame
from tests.wire.vectors import damaged, fuzz, json_objects


def datagram(header: str, payload: bytes, crc: str) -> bytes:
    return bytes.fromhex(header) + payload + bytes.fromhex(crc)


EMPTY_REQUEST = bytes.fromhex("FF FF 33 FF 01 01 00 00 20 AB 2C 62")
APP_REQUEST = datagram("FF FF 33 FF 01 01 00 18", b"eyJyZXNlcnZlIjoiMTExIn0=", "37 94 7C FE")
ANSWER = datagram(
    "FF FF 33 FF 01 02 00 54",
    b"eyJpcCI6IjE5Mi4xNjguMC45IiwiZGV2aWNlaWQiOiJGUzEwMUQ4QlMwMDEwNiIsImZhY3RvcnkiOiJ4In0=",
    "E9 1C 5A 12",
)

GOLDEN: dict[str, tuple[bytes, MessageType, dict[str, Any] | None]] = {
    "a request without payload": (EMPTY_REQUEST, MessageType.REQUEST, None),
    "the vendor's app asks": (APP_REQUEST, MessageType.REQUEST, {"reserve": "111"}),
    "a camera answers, with an unknown key": (
        ANSWER,
        MessageType.ANSWER,
        {"ip": "192.168.0.9", "deviceid": "FS101D8BS00106", "factory": "x"},
    ),
}
each_golden = pytest.mark.parametrize(("data", "message_type", "fields"), GOLDEN.values(), ids=GOLDEN)


@each_golden
def test_encodes_the_golden_bytes(data: bytes, message_type: MessageType, fields: dict[str, Any] | None) -> None:
    assert encode_message(message_type, fields) == data


@each_golden
def test_decodes_the_golden_bytes(data: bytes, message_type: MessageType, fields: dict[str, Any] | None) -> None:
    assert decode_message(data) == Message(message_type, fields or {})


@each_golden
def test_a_truncated_datagram_is_refused(data: bytes, message_type: MessageType, fields: dict[str, Any] | None) -> None:
    for size in range(len(data)):
        with pytest.raises(FrameError, match=f"^cut short after {size} bytes$"):
            decode_message(data[:size])


@each_golden
def test_two_messages_in_one_datagram_are_refused(
    data: bytes, message_type: MessageType, fields: dict[str, Any] | None
) -> None:
    with pytest.raises(FrameError, match=f"^{len(data)} bytes behind the frame$"):
        decode_message(data * 2)


@pytest.mark.parametrize("bit", range(8 * len(APP_REQUEST)))
def test_every_flipped_bit_is_found(bit: int) -> None:
    data = bytearray(APP_REQUEST)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FrameError):
        decode_message(bytes(data))


DAMAGED: dict[str, tuple[bytes, type[WireError], str]] = {
    "the channel's flag": (
        datagram("FF 3E 3E FF 01 01 00 00", b"", "C6 72 53 3F"),
        FrameError,
        "begins with ff 3e 3e ff, not ff ff 33 ff",
    ),
    "version 2": (datagram("FF FF 33 FF 02 01 00 00", b"", "20 AB 2C 62"), FrameError, "frame version 2"),
    "type 0": (datagram("FF FF 33 FF 01 00 00 00", b"", "20 AB 2C 62"), FrameError, "unknown packet type 0"),
    "type 3": (datagram("FF FF 33 FF 01 03 00 00", b"", "20 AB 2C 62"), FrameError, "unknown packet type 3"),
    "4097 bytes announced": (bytes.fromhex("FF FF 33 FF 01 02 10 01"), FrameError, "4097 bytes announced"),
    "a CRC over the payload": (
        datagram("FF FF 33 FF 01 01 00 18", b"eyJyZXNlcnZlIjoiMTExIn0=", "90 38 93 5E"),
        FrameError,
        "CRC 9038935E does not fit",
    ),
    "no base64": (datagram("FF FF 33 FF 01 02 00 04", b"!!!!", "D2 3E 47 96"), PayloadError, "not base64"),
    "base64 without padding": (datagram("FF FF 33 FF 01 02 00 03", b"e30", "C4 A8 56 A5"), PayloadError, "not base64"),
    "base64 and a line end": (
        datagram("FF FF 33 FF 01 02 00 05", b"e30=\n", "4C C5 28 87"),
        PayloadError,
        "not base64",
    ),
    "base64 of a list": (datagram("FF FF 33 FF 01 02 00 04", b"WzFd", "D0 89 31 F8"), PayloadError, "but list and not"),
    "base64 of cut JSON": (datagram("FF FF 33 FF 01 02 00 04", b"ew==", "5C 0F DB EC"), PayloadError, "not JSON"),
}


@pytest.mark.parametrize(("data", "error", "message"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_datagram_is_refused(data: bytes, error: type[WireError], message: str) -> None:
    with pytest.raises(error, match=message):
        decode_message(data)


def test_a_message_is_at_most_4096_bytes_long() -> None:
    # 3072 bytes of JSON are 4096 of base64; {"a":"..."} takes 8 of them.
    longest = {"a": "x" * 3064}
    assert decode_message(encode_message(MessageType.ANSWER, longest)).fields == longest
    with pytest.raises(FrameError, match=r"^a payload of 4100 bytes, at most 4096 fit"):
        encode_message(MessageType.ANSWER, {"a": "x" * 3065})


def test_the_documents_constants() -> None:
    assert discovery.PORT == 10_001
    assert (discovery.REQUEST_COUNT, discovery.REQUEST_INTERVAL, discovery.ROUND_SECONDS) == (3, 1.0, 5.0)


@given(st.sampled_from(MessageType), json_objects)
@fuzz
def test_a_message_survives_the_wire(message_type: MessageType, fields: dict[str, Any]) -> None:
    assert decode_message(encode_message(message_type, fields)) == Message(message_type, fields)


@given(st.binary(max_size=64) | damaged(EMPTY_REQUEST) | damaged(ANSWER))
@fuzz
def test_random_and_mutated_datagrams_raise_nothing_but_frame_errors(data: bytes) -> None:
    try:
        message = decode_message(data)
    except FrameError:
        return
    # The CRC held, so nothing was changed after all.
    assert message == decode_message(EMPTY_REQUEST) or message == decode_message(ANSWER)


@given(st.binary(max_size=80))
@fuzz
def test_random_payloads_raise_nothing_but_payload_errors(payload: bytes) -> None:
    data = encode_frame(FORMAT, MessageType.ANSWER, payload, Coverage.FRAME)
    try:
        message = decode_message(data)
    except PayloadError:
        return
    assert message.type is MessageType.ANSWER
