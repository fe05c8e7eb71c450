"""Pictures made small enough to be sent: JPEG, whatever the camera gave.

Pillow is loaded when the first picture is too large, and not before: most bridges never need it.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

from ipc_bridge.errors import RejectedFileError
from ipc_bridge.picture_size import JPEG_MAGIC, picture_size

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 16_000_000
"""Twice what a camera of 4K has: it costs 48 MB to unpack."""
_QUALITIES = (85, 70, 55)
"""Of JPEG, from 1 to 95: tried in this order before the picture loses pixels."""
_SMALLEST = 16
"""Pixels of a side: a picture that is still too large then is not worth sending."""

_BROKEN = (OSError, SyntaxError, ValueError, EOFError, OverflowError, struct.error)
"""What Pillow raises for pictures that are none."""


def is_fit(picture: bytes, limit: int) -> bool:
    """Whether a picture is a JPEG of at most ``limit`` bytes as it is."""
    return len(picture) <= limit and picture.startswith(JPEG_MAGIC) and picture_size(picture) is not None


def fit(picture: bytes, limit: int) -> bytes:
    """Return a JPEG or PNG picture as JPEG of at most ``limit`` bytes; blocks for some 100 ms.

    Raises:
        RejectedFileError: it is no picture, larger than :data:`MAX_PIXELS`, or cannot be made so small.
    """
    if is_fit(picture, limit):
        return picture
    width, height = picture_size(picture) or (0, 0)
    if not 0 < width * height <= MAX_PIXELS:
        raise RejectedFileError(f"a picture of {width} by {height} pixels is none that a camera takes")
    from PIL import Image  # noqa: PLC0415 - see above

    try:
        with Image.open(io.BytesIO(picture), formats=("JPEG", "PNG")) as opened:
            image = opened.convert("RGB")
    except _BROKEN as error:
        raise RejectedFileError(f"a picture is damaged: {error}") from error
    for quality in _QUALITIES:
        if len(smaller := _encode(image, quality)) <= limit:
            return smaller
    while min(image.size) >= 2 * _SMALLEST:
        image = image.reduce(2)
        if len(smaller := _encode(image, _QUALITIES[1])) <= limit:
            return smaller
    raise RejectedFileError(f"a picture of {width} by {height} pixels cannot be made to fit into {limit} bytes")


def _encode(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
