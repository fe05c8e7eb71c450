"""What comes back of a call: JSON with a code, and data where there is any, whatever its type is said to be."""

from __future__ import annotations

from typing import Any, NamedTuple

import aiohttp

from ipc_bridge.errors import PayloadError, ReplyError
from ipc_bridge.wire.payload import decode_object


async def read_bounded(
    response: aiohttp.ClientResponse, where: str, limit: int, too_large: type[ReplyError] = ReplyError
) -> bytes:
    """Return the body of ``response``; ``where`` it comes from is for messages.

    Raises:
        ReplyError: it has more than ``limit`` bytes; ``too_large`` tells which kind of it.
    """
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise too_large(f"{where} answered more than {limit // 1024} KiB")
    return bytes(body)


class Reply(NamedTuple):
    """An answer: its code, what the other side says of it (the cloud does), and its data, empty where there is none."""

    code: int
    message: str
    data: dict[str, Any]


def decode_reply(where: str, status: int, body: bytes) -> Reply:
    """Return what an answer says.

    Args:
        where: which call, and of whom, for messages.
        status: of HTTP.
        body: the answer.

    Raises:
        ReplyError: it is none.
    """
    try:
        reply = decode_object(body)
    except PayloadError as error:
        raise ReplyError(f"{where} answered HTTP {status}, and {error}") from error
    code, data = reply.get("code"), reply.get("data")
    if type(code) is not int:
        raise ReplyError(f"{where} answered without a numeric code: {body[:80]!r}")
    return Reply(code, str(reply.get("msg") or ""), data if isinstance(data, dict) else {})
