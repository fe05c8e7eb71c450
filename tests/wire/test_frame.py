"""The framing, alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.errors import FrameError
from ipc_bridge.wire.frame import MAX_PAYLOAD, OVERHEAD, Coverage, Frame, FrameDecoder, decode_datagram, encode_frame
from ipc_bridge.wire.packet import FORMAT
from tests.wire import vectors
from tests.wire.vectors import CHANNEL, CONNACK, PINGRESP, PUBLISH, SUBACK, Vector, chunks_of, damaged, fuzz

each_vector = pytest.mark.parametrize("vector", CHANNEL, ids=lambda vector: vector.name)
each_coverage = pytest.mark.parametrize("coverage", list(Coverage), ids=lambda coverage: coverage.value)


def written(vector: Vector, coverage: Coverage) -> bytes:
    return vector.by_frame if coverage is Coverage.FRAME else vector.by_payload


def decode(*chunks: bytes) -> list[Frame]:
    decoder = FrameDecoder(FORMAT)
    return [frame for chunk in chunks for frame in decoder.feed(chunk)]


def single_bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


# Golden bytes.


@each_vector
@each_coverage
def test_encodes_the_golden_bytes(vector: Vector, coverage: Coverage) -> None:
    assert encode_frame(FORMAT, vector.type, vector.payload, coverage) == written(vector, coverage)


@each_vector
@each_coverage
def test_decodes_a_whole_frame(vector: Vector, coverage: Coverage) -> None:
    data = written(vector, coverage)
    assert decode(data) == [Frame(vector.type, vector.payload)]
    assert decode_datagram(FORMAT, data) == Frame(vector.type, vector.payload)


@each_vector
@each_coverage
def test_decodes_one_byte_at_a_time(vector: Vector, coverage: Coverage) -> None:
    decoder = FrameDecoder(FORMAT)
    *start, last = single_bytes(written(vector, coverage))
    for count, byte in enumerate(start, 1):
        assert list(decoder.feed(byte)) == []
        assert decoder.pending == count
    assert list(decoder.feed(last)) == [Frame(vector.type, vector.payload)]
    assert decoder.pending == 0


def test_decodes_several_frames_at_once_whatever_their_coverage() -> None:
    stream = b"".join(vector.by_payload + vector.by_frame for vector in CHANNEL)
    frames = [Frame(vector.type, vector.payload) for vector in CHANNEL for _ in range(2)]
    assert decode(stream) == frames
    assert decode(*single_bytes(stream)) == frames


def test_a_frame_and_the_start_of_the_next() -> None:
    decoder = FrameDecoder(FORMAT)
    assert list(decoder.feed(CONNACK.by_payload + PUBLISH.by_payload[:13])) == [Frame(2, b'{"code":0}')]
    assert decoder.pending == 13
    assert list(decoder.feed(PUBLISH.by_payload[13:])) == [Frame(9, b'{"event_id":7}')]


def test_a_truncated_frame_is_waited_for_in_a_stream() -> None:
    for size in range(len(PUBLISH.by_payload)):
        assert decode(PUBLISH.by_payload[:size]) == []


def test_a_truncated_frame_is_an_error_in_a_datagram() -> None:
    for size in range(len(PUBLISH.by_payload)):
        with pytest.raises(FrameError, match=rf"^cut short after {size} bytes$"):
            decode_datagram(FORMAT, PUBLISH.by_payload[:size])


def test_bytes_behind_a_datagrams_frame_are_an_error() -> None:
    with pytest.raises(FrameError, match=r"^2 bytes behind the frame$"):
        decode_datagram(FORMAT, PUBLISH.by_payload + b"\r\n")


# Damage.

DAMAGED = {
    "flag, first byte": ("FE 3E 3E FF 01 02 00 0A", b'{"code":0}', "72 3C AE 98", "begins with fe 3e 3e ff, not ff 3e"),
    "flag, last byte": ("FF 3E 3E FE 01 02 00 0A", b'{"code":0}', "72 3C AE 98", "begins with ff 3e 3e fe, not ff 3e"),
    "flag of discovery": ("FF FF 33 FF 01 02 00 0A", b'{"code":0}', "72 3C AE 98", "begins with ff ff 33 ff"),
    "version 0": ("FF 3E 3E FF 00 02 00 0A", b'{"code":0}', "72 3C AE 98", "frame version 0, only 1 is known"),
    "version 2": ("FF 3E 3E FF 02 02 00 0A", b'{"code":0}', "72 3C AE 98", "frame version 2, only 1 is known"),
    "type 0": ("FF 3E 3E FF 01 00 00 0A", b'{"code":0}', "72 3C AE 98", "unknown packet type 0"),
    "type 12": ("FF 3E 3E FF 01 0C 00 0A", b'{"code":0}', "72 3C AE 98", "unknown packet type 12"),
    "type 16": ("FF 3E 3E FF 01 10 00 0A", b'{"code":0}', "72 3C AE 98", "unknown packet type 16"),
    "type 18": ("FF 3E 3E FF 01 12 00 0A", b'{"code":0}', "72 3C AE 98", "unknown packet type 18"),
    "type 255": ("FF 3E 3E FF 01 FF 00 0A", b'{"code":0}', "72 3C AE 98", "unknown packet type 255"),
    "length, little-endian": ("FF 3E 3E FF 01 02 0A 00", b'{"code":0}', "72 3C AE 98", "2560 bytes announced, at most"),
    "length too small": ("FF 3E 3E FF 01 02 00 09", b'{"code":0}', "72 3C AE 98", "CRC 7D723CAE does not fit a packet"),
    "payload": (
        "FF 3E 3E FF 01 02 00 0A",
        b'{"code":1}',
        "72 3C AE 98",
        "CRC 723CAE98 does not fit a packet of type 2",
    ),
    "CRC over the payload": ("FF 3E 3E FF 01 02 00 0A", b'{"code":0}', "72 3C AE 99", "CRC 723CAE99 does not fit"),
    "CRC over the frame": ("FF 3E 3E FF 01 02 00 0A", b'{"code":0}', "CD 32 DA 69", "CRC CD32DA69 does not fit"),
    "CRC, little-endian": ("FF 3E 3E FF 01 02 00 0A", b'{"code":0}', "98 AE 3C 72", "CRC 98AE3C72 does not fit"),
    "CRC of an empty payload": ("FF 3E 3E FF 01 04 00 00", b"", "FF FF FF FF", "CRC FFFFFFFF does not fit"),
}


@pytest.mark.parametrize(("header", "payload", "crc", "message"), DAMAGED.values(), ids=DAMAGED)
def test_damage_is_reported(header: str, payload: bytes, crc: str, message: str) -> None:
    data = bytes.fromhex(header) + payload + bytes.fromhex(crc)
    with pytest.raises(FrameError, match=message):
        decode_datagram(FORMAT, data)
    with pytest.raises(FrameError, match=message):
        decode(data)
    with pytest.raises(FrameError):
        decode(*single_bytes(data))


@pytest.mark.parametrize("bit", range(8 * len(CONNACK.by_frame)))
def test_a_crc_over_the_frame_finds_every_flipped_bit(bit: int) -> None:
    data = bytearray(CONNACK.by_frame)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FrameError):
        decode_datagram(FORMAT, bytes(data))


@pytest.mark.parametrize("bit", range(8 * 8, 8 * len(CONNACK.by_payload)))
def test_a_crc_over_the_payload_finds_every_flipped_bit_behind_the_header(bit: int) -> None:
    data = bytearray(CONNACK.by_payload)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FrameError, match=r"^CRC"):
        decode_datagram(FORMAT, bytes(data))


REFUSED_ON_SIGHT = {
    "first byte": "00",
    "second byte": "FF 3F",
    "third byte": "FF 3E 3F",
    "fourth byte": "FF 3E 3E FE",
    "version": "FF 3E 3E FF 02 02 00 0A",
    "type": "FF 3E 3E FF 01 0C 00 0A",
    "CONNACK of 1025": "FF 3E 3E FF 01 02 04 01",
    "PINGRESP of 1025": "FF 3E 3E FF 01 04 04 01",
    "SUBACK of 65535": "FF 3E 3E FF 01 06 FF FF",
}


@pytest.mark.parametrize("start", REFUSED_ON_SIGHT.values(), ids=REFUSED_ON_SIGHT)
def test_what_cannot_become_a_frame_is_refused_before_its_body_is_waited_for(start: str) -> None:
    data = bytes.fromhex(start)
    decoder = FrameDecoder(FORMAT)
    assert list(decoder.feed(data[:-1] if len(data) < 8 else data[:7])) == []
    with pytest.raises(FrameError):
        list(decoder.feed(data[-1:]))


@pytest.mark.parametrize(
    "start", ["FF 3E 3E FF 01 02 04 00", "FF 3E 3E FF 01 09 FF FF"], ids=["CONNACK of 1024", "PUBLISH of 65535"]
)
def test_the_longest_payloads_are_waited_for(start: str) -> None:
    assert decode(bytes.fromhex(start)) == []


def test_frames_before_the_damage_are_yielded() -> None:
    decoder = FrameDecoder(FORMAT)
    frames = decoder.feed(CONNACK.by_payload + SUBACK.by_frame + b"rubbish")
    assert next(frames).type == 2
    assert next(frames).type == 6
    with pytest.raises(FrameError, match="begins with 72 75 62 62"):
        next(frames)


@pytest.mark.parametrize("rubbish", [b"\0", b"HTTP/1.1 400\r\n", CONNACK.by_payload[:-1] + b"\0"])
def test_a_decoder_stays_unusable_after_damage(rubbish: bytes) -> None:
    decoder = FrameDecoder(FORMAT)
    with pytest.raises(FrameError):
        list(decoder.feed(rubbish))
    for good in (CONNACK.by_payload, PINGRESP.by_frame, b""):
        with pytest.raises(FrameError):
            list(decoder.feed(good))


WITHOUT_A_FRAME = {
    "zeros": bytes(70_000),
    "flags only": bytes.fromhex("FF 3E 3E FF") * 17_500,
    "0xFF only": b"\xff" * 70_000,
    "a PUBLISH whose CRC never fits": bytes.fromhex("FF 3E 3E FF 01 09 FF FF") + b" " * 69_992,
}


@pytest.mark.parametrize("data", WITHOUT_A_FRAME.values(), ids=WITHOUT_A_FRAME)
@pytest.mark.parametrize("chunk_size", [70_000, 1_400])
def test_70000_bytes_without_a_frame_are_refused(data: bytes, chunk_size: int) -> None:
    assert len(data) == 70_000
    chunks = [data[at : at + chunk_size] for at in range(0, len(data), chunk_size)]
    with pytest.raises(FrameError):
        decode(*chunks)


# What is sent.


@pytest.mark.parametrize("packet_type", [-1, 0, 12, 16, 18, 256])
def test_an_unknown_type_is_not_encoded(packet_type: int) -> None:
    with pytest.raises(FrameError, match=f"^there is no packet type {packet_type}$"):
        encode_frame(FORMAT, packet_type, b"", Coverage.PAYLOAD)


@pytest.mark.parametrize(("packet_type", "limit"), [(1, 1024), (9, 65_535), (10, 1024)])
@each_coverage
def test_a_payload_is_encoded_up_to_its_limit(packet_type: int, limit: int, coverage: Coverage) -> None:
    longest = encode_frame(FORMAT, packet_type, b" " * limit, coverage)
    assert len(longest) == limit + 12
    assert decode(longest) == [Frame(packet_type, b" " * limit)]
    with pytest.raises(FrameError, match=f"^a payload of {limit + 1} bytes, at most {limit} fit"):
        encode_frame(FORMAT, packet_type, b" " * (limit + 1), coverage)


# Properties.

frames_and_coverages = st.lists(
    st.tuples(st.sampled_from(sorted(FORMAT.limits)), st.binary(max_size=300), st.sampled_from(Coverage)), max_size=6
)


@given(frames_and_coverages, st.data())
@fuzz
def test_frames_survive_any_split(frames: list[tuple[int, bytes, Coverage]], data: st.DataObject) -> None:
    stream = b"".join(encode_frame(FORMAT, kind, payload, coverage) for kind, payload, coverage in frames)
    assert decode(*data.draw(chunks_of(stream))) == [Frame(kind, payload) for kind, payload, _ in frames]


def assert_only_frame_errors(chunks: list[bytes]) -> None:
    decoder = FrameDecoder(FORMAT)
    try:
        for chunk in chunks:
            for frame in decoder.feed(chunk):
                assert len(frame.payload) <= FORMAT.limits[frame.type]
            assert decoder.pending < MAX_PAYLOAD + OVERHEAD
    except FrameError:
        with pytest.raises(FrameError):
            list(decoder.feed(CONNACK.by_payload))


@given(st.lists(st.binary(max_size=64), max_size=8), st.sampled_from([b"", PUBLISH.by_payload[:6], CONNACK.by_frame]))
@fuzz
def test_random_bytes_raise_nothing_but_frame_errors(chunks: list[bytes], start: bytes) -> None:
    assert_only_frame_errors([start, *chunks])


@given(st.lists(st.sampled_from(CHANNEL), min_size=1, max_size=4), st.data())
@fuzz
def test_mutated_frames_raise_nothing_but_frame_errors(packets: list[Vector], data: st.DataObject) -> None:
    stream = data.draw(damaged(b"".join(packet.by_frame for packet in packets)))
    assert_only_frame_errors(data.draw(chunks_of(stream)))


@given(st.binary(max_size=64) | damaged(vectors.SUBACK.by_frame))
@fuzz
def test_a_datagram_raises_nothing_but_frame_errors(datagram: bytes) -> None:
    try:
        frame = decode_datagram(FORMAT, datagram)
    except FrameError:
        return
    assert len(datagram) == len(frame.payload) + OVERHEAD
