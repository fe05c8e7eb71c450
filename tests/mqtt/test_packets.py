"""PUBLISH and PUBACK as bytes, by hand from the MQTT standard (3.3 and 3.4)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.mqtt import packets
from ipc_bridge.mqtt.packets import Acknowledgement, Incoming, OversizedError, encode_properties, encode_publish

PINGRESP = b"\xd0\x00"
SUBACK = b"\x90\x03\x00\x01\x01"


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (encode_publish("a/b", b"hi", 0x8001), b"\x32\x09\x00\x03a/b\x80\x01hi"),
        (encode_publish("a/b", b"hi", 0x8001, retain=True), b"\x33\x09\x00\x03a/b\x80\x01hi"),
        (encode_publish("é", b"", 0xFFFF, properties=b"\x00"), b"\x32\x07\x00\x02\xc3\xa9\xff\xff\x00"),
        (encode_publish("t", bytes(122), 0x8000)[:4], b"\x32\x7f\x00\x01"),
        (encode_publish("t", bytes(123), 0x8000)[:5], b"\x32\x80\x01\x00\x01"),
        (encode_publish("t", bytes(16_378), 0x8000)[:4], b"\x32\xff\x7f\x00"),
        (encode_publish("t", bytes(16_379), 0x8000)[:5], b"\x32\x80\x80\x01\x00"),
        (encode_properties((), None), b"\x00"),
        (encode_properties((), b"\x00\xff"), b"\x05\x09\x00\x02\x00\xff"),
        (encode_properties((("k", "vw"),), None), b"\x08\x26\x00\x01k\x00\x02vw"),
        (
            encode_properties((("k", "vw"), ("", "")), b"c"),
            b"\x11\x09\x00\x01c\x26\x00\x01k\x00\x02vw\x26\x00\x00\x00\x00",
        ),
    ],
)
def test_a_publication(encoded: bytes, expected: bytes) -> None:
    assert encoded == expected


def received(*chunks: bytes) -> list[Acknowledgement | bytes]:
    incoming = Incoming()
    return [packet for chunk in chunks for packet in incoming.receive(chunk)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x40\x02\x80\x00", [Acknowledgement(0x8000, accepted=True)]),
        (b"\x40\x03\xff\xff\x10", [Acknowledgement(0xFFFF, accepted=True)]),
        (b"\x40\x04\x80\x05\x87\x00", [Acknowledgement(0x8005, accepted=False)]),
        # Not one of ours.
        (b"\x40\x02\x00\x01", [b"\x40\x02\x00\x01"]),
        (PINGRESP + b"\x40\x02\x80\x00" + SUBACK, [PINGRESP, Acknowledgement(0x8000, accepted=True), SUBACK]),
        (b"\x30\x80\x01" + bytes(128) + PINGRESP, [b"\x30\x80\x01" + bytes(128), PINGRESP]),
        (b"\x40", []),
        (b"\x40\x02\x80", []),
        (b"\x30\x80", []),
    ],
)
def test_what_comes(data: bytes, expected: list[Acknowledgement | bytes]) -> None:
    assert received(data) == expected
    assert received(*(bytes((byte,)) for byte in data)) == expected


@given(st.lists(st.binary(max_size=300), max_size=8), st.lists(st.integers(1, 50), min_size=1))
def test_packets_in_pieces(bodies: list[bytes], sizes: list[int]) -> None:
    sent = [encode_publish("t", body, 0x8000) for body in bodies]
    stream = b"".join(sent)
    chunks: list[bytes] = []
    at = 0
    while at < len(stream):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(stream[at : at + size])
        at += size
    assert received(*chunks) == sent


@given(st.binary(max_size=200))
def test_rubbish_raises_nothing_else(data: bytes) -> None:
    with contextlib.suppress(OversizedError):
        assert sum(len(packet) for packet in received(data) if isinstance(packet, bytes)) <= len(data)


@pytest.mark.parametrize("data", [b"\x30\xff\xff\xff\xff", b"\x30\xff\xff\xff\x7f"])
def test_a_length_out_of_all_reason_is_refused_before_it_is_waited_for(data: bytes) -> None:
    assert packets.MAX_PACKET < 0xFFFFFFF
    with pytest.raises(OversizedError):
        received(data)
