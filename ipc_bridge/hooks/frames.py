"""Messages on a stream: the length in four bytes, and the message."""

from __future__ import annotations

import asyncio

MAX_FRAME = 16 * 1024 * 1024
"""Bytes of a message: the largest answer of a camera, and room."""
_LENGTH = 4


def frame(message: bytes) -> bytes:
    """A message as it goes over the stream."""
    return len(message).to_bytes(_LENGTH, "big") + message


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next message; None at the end of the stream.

    Raises:
        ValueError: it is longer than it may be.
        OSError: the stream broke.
    """
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH), "big")
        if length > MAX_FRAME:
            raise ValueError(f"{length} bytes")
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        return None
