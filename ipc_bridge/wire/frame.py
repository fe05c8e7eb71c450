"""The frame that the message channel and discovery share.

``flag (4) | version u8 = 1 | type u8 | length u16 | payload | CRC32 u32``, big-endian, zlib's CRC.
Documented in "Message Channel" and "SUNMI Device Discovery Protocol" of the vendor's device API.
"""

from __future__ import annotations

import enum
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ipc_bridge.errors import FrameError

VERSION = 1
MAX_PAYLOAD = 0xFFFF
_HEADER = struct.Struct(">4sBBH")
_CRC = struct.Struct(">I")
OVERHEAD = _HEADER.size + _CRC.size


class Coverage(enum.Enum):
    """What a frame's CRC is taken over: the documents leave it open for the channel."""

    PAYLOAD = "payload"
    FRAME = "frame"


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """One of the two framings.

    ``limits`` maps each known packet type to the most bytes its payload may have, so that an
    impossible length is refused on sight of the header. ``coverages`` are the CRCs accepted.
    """

    flag: bytes
    limits: Mapping[int, int]
    coverages: tuple[Coverage, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame: its packet type and its payload, CRC checked."""

    type: int
    payload: bytes


def encode_frame(fmt: FrameFormat, packet_type: int, payload: bytes, coverage: Coverage) -> bytes:
    """Return the bytes of one frame.

    Raises:
        FrameError: the type is unknown or the payload is longer than the type allows.
    """
    limit = fmt.limits.get(packet_type)
    if limit is None:
        raise FrameError(f"there is no packet type {packet_type}")
    if len(payload) > limit:
        raise FrameError(f"a payload of {len(payload)} bytes, at most {limit} fit a packet of type {packet_type}")
    header = _HEADER.pack(fmt.flag, VERSION, packet_type, len(payload))
    return header + payload + _CRC.pack(_checksum(coverage, header, payload))


class FrameDecoder:
    """Cuts a byte stream into frames.

    It never guesses: after the first impossible byte it raises, and stays unusable, because
    nothing in the stream tells where the next frame would begin. It never holds more than one
    frame's bytes beyond what it was fed.
    """

    def __init__(self, fmt: FrameFormat) -> None:
        self._format = fmt
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Add ``data`` and yield the frames that are now whole, in order.

        Raises:
            FrameError: the stream cannot be frames; frames before the damage were yielded.
        """
        self._buffer += data
        while (taken := _take_frame(self._format, self._buffer)) is not None:
            frame, size = taken
            del self._buffer[:size]
            yield frame

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not whole yet."""
        return len(self._buffer)


def decode_datagram(fmt: FrameFormat, datagram: bytes) -> Frame:
    """Return the one frame that ``datagram`` holds.

    Raises:
        FrameError: it is damaged, cut short or followed by more bytes.
    """
    taken = _take_frame(fmt, datagram)
    if taken is None:
        raise FrameError(f"cut short after {len(datagram)} bytes")
    frame, size = taken
    if size != len(datagram):
        raise FrameError(f"{len(datagram) - size} bytes behind the frame")
    return frame


def _take_frame(fmt: FrameFormat, buffer: bytes | bytearray) -> tuple[Frame, int] | None:
    """The first frame in ``buffer`` and its size, or None where more bytes are needed."""
    if buffer[:4] != fmt.flag[: len(buffer)]:
        raise FrameError(f"not a frame: it begins with {bytes(buffer[:4]).hex(' ')}, not {fmt.flag.hex(' ')}")
    if len(buffer) < _HEADER.size:
        return None
    _flag, version, packet_type, length = _HEADER.unpack_from(buffer)
    if version != VERSION:
        raise FrameError(f"frame version {version}, only {VERSION} is known")
    limit = fmt.limits.get(packet_type)
    if limit is None:
        raise FrameError(f"unknown packet type {packet_type}")
    if length > limit:
        raise FrameError(f"a payload of {length} bytes announced, at most {limit} fit a packet of type {packet_type}")
    size = length + OVERHEAD
    if len(buffer) < size:
        return None
    header = bytes(buffer[: _HEADER.size])
    payload = bytes(buffer[_HEADER.size : size - _CRC.size])
    (received,) = _CRC.unpack_from(buffer, size - _CRC.size)
    if not any(received == _checksum(coverage, header, payload) for coverage in fmt.coverages):
        raise FrameError(f"CRC {received:08X} does not fit a packet of type {packet_type} with {length} bytes")
    return Frame(packet_type, payload), size


def _checksum(coverage: Coverage, header: bytes, payload: bytes) -> int:
    covered_header = header if coverage is Coverage.FRAME else b""
    return zlib.crc32(payload, zlib.crc32(covered_header))
