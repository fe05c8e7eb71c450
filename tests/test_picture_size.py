"""The size of pictures, by their first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.picture_size import JPEG_MAGIC, PNG_MAGIC, picture_size

PNG = PNG_MAGIC + bytes.fromhex("0000000D 49484452 00000780 00000438")
START = b"\xff\xd8"
COMMENT = bytes.fromhex("FFFE 0006 FFC00000")
FRAME = bytes.fromhex("FFC0 0011 08 0438 0780")


@pytest.mark.parametrize(
    "data",
    [
        PNG,
        START + FRAME,
        START + COMMENT + FRAME,
        # Fill bytes before a marker, and a marker without a segment.
        START + b"\xff\xff" + FRAME,
        START + b"\xff\x01" + FRAME,
        # Progressive, behind a table.
        START + bytes.fromhex("FFC4 0004 0000 FFC2 0011 08 0438 0780"),
    ],
)
def test_pictures(data: bytes) -> None:
    assert picture_size(data) == (1920, 1080)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a\x01\x00\x01\x00",
        PNG[:20],
        PNG.replace(b"IHDR", b"IDAT"),
        START,
        START + FRAME[:-1],
        # A segment that is shorter than its length, and one that leads nowhere.
        START + bytes.fromhex("FFFE 0000") + FRAME,
        START + bytes.fromhex("FFFE FFFF") + FRAME,
        START + b"\x00" + FRAME,
    ],
)
def test_no_pictures(data: bytes) -> None:
    assert picture_size(data) is None


@given(st.sampled_from([b"", PNG_MAGIC, JPEG_MAGIC, START]), st.binary(max_size=64))
def test_whatever_bytes(magic: bytes, rest: bytes) -> None:
    size = picture_size(magic + rest)
    assert size is None or min(size) >= 0
