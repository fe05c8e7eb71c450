"""Discovery datagrams: one frame each, its payload a JSON object in base64.

Documented in "SUNMI Device Discovery Protocol" of the vendor's device API. UDP, port 10001 on
both sides; type 1 asks, type 2 answers. The frame's length counts the bytes after base64.
"""

from __future__ import annotations

import base64
import binascii
import enum
from dataclasses import dataclass
from typing import Any

from ipc_bridge.errors import PayloadError
from ipc_bridge.wire.frame import Coverage, FrameFormat, decode_datagram, encode_frame
from ipc_bridge.wire.payload import decode_object, encode_object

PORT = 10001
REQUEST_COUNT = 3
REQUEST_INTERVAL = 1.0
"""Seconds between two requests of one round."""
ROUND_SECONDS = 5.0
"""Answers that come later than this after the first request do not count."""
MAX_PAYLOAD = 4096
"""A camera's answer is 300 bytes; what is longer is not one."""


class MessageType(enum.IntEnum):
    """Who speaks."""

    REQUEST = 1
    ANSWER = 2


FORMAT = FrameFormat(
    flag=bytes.fromhex("FFFF33FF"),
    limits=dict.fromkeys(MessageType, MAX_PAYLOAD),
    coverages=(Coverage.FRAME,),
)


@dataclass(frozen=True, slots=True)
class Message:
    """A datagram's content; ``fields`` is empty where there was no payload."""

    type: MessageType
    fields: dict[str, Any]


def encode_message(message_type: MessageType, fields: dict[str, Any] | None = None) -> bytes:
    """Return a datagram.

    Raises:
        FrameError: ``fields`` is longer than an answer can be.
    """
    payload = base64.b64encode(encode_object(fields)) if fields is not None else b""
    return encode_frame(FORMAT, message_type, payload, Coverage.FRAME)


def decode_message(datagram: bytes) -> Message:
    """Return what ``datagram`` says.

    Raises:
        FrameError: it is no discovery frame, damaged, cut short or followed by more bytes.
        PayloadError: its payload is no base64 of a JSON object.
    """
    frame = decode_datagram(FORMAT, datagram)
    if not frame.payload:
        return Message(MessageType(frame.type), {})
    try:
        text = base64.b64decode(frame.payload, validate=True)
    except binascii.Error as error:
        raise PayloadError(f"the payload is not base64: {error}") from error
    return Message(MessageType(frame.type), decode_object(text))
