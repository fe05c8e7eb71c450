"""The size of a JPEG or PNG picture, read from its first bytes: a camera refuses what is larger than it can use."""

from __future__ import annotations

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"

_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that a frame begins with; the three left out are tables."""
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None where ``data`` is no JPEG or PNG picture."""
    if data.startswith(PNG_MAGIC):
        header = data[8:24]
        return (_u32(header, 8), _u32(header, 12)) if header[4:8] == b"IHDR" and len(header) == 16 else None
    return _jpeg_size(data) if data.startswith(JPEG_MAGIC) else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker in _FRAME_HEADERS:
            return _u16(data, position + 7), _u16(data, position + 5)
        if marker == 0xFF:
            position += 1
        elif marker in _WITHOUT_LENGTH:
            position += 2
        elif (length := _u16(data, position + 2)) >= 2:
            position += 2 + length
        else:
            return None
    return None


def _u16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2])


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4])
