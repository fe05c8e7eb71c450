"""The body of a post: a few texts, as ``multipart/form-data``; the cloud's may also be another form, or JSON."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from ipc_bridge.bridge.hook_refusals import Refusal
from ipc_bridge.catalog.fields import encode
from ipc_bridge.errors import PayloadError
from ipc_bridge.wire.payload import decode_object

MAX_BODY = 1_000_000
"""Bytes of a post; an event has less than a thousand."""
MAX_PARTS = 16
"""A camera sends five."""
READ_TIMEOUT = 10.0
"""Seconds from the head of a post to its last byte."""

_LENGTH = re.compile(r"[0-9]{1,18}")


def check_head(request: web.Request, content_types: Collection[str]) -> None:
    """Refuse a post for what its head says, before any of its body is read.

    Args:
        request: the post.
        content_types: the forms that it may have.

    Raises:
        HookRefusedError: it says no length or too much, or is no form.
    """
    length = request.headers.get("Content-Length", "")
    if not _LENGTH.fullmatch(length):
        raise Refusal.NO_LENGTH.error()
    if int(length) > MAX_BODY:
        raise Refusal.TOO_LARGE.error()
    if request.content_type not in content_types or "Content-Encoding" in request.headers:
        raise Refusal.WRONG_TYPE.error()


async def read_fields(request: web.Request) -> dict[str, str]:
    """Read the body of a post whose head is right.

    Raises:
        HookRefusedError: it is too slow, too large, or no form with each field once.
    """
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            return await _READERS[request.content_type](request)
    except TimeoutError as error:
        raise Refusal.TOO_SLOW.error() from error
    except (ConnectionError, web.RequestPayloadError) as error:
        raise Refusal.BROKEN_OFF.error() from error
    except (ValueError, RuntimeError, RuntimeWarning, HttpProcessingError, PayloadError) as error:
        # RuntimeWarning: aiohttp warns of headers that it cannot read; where warnings are errors, that ends here.
        raise Refusal.MALFORMED.error() from error


async def _read_multipart(request: web.Request) -> dict[str, str]:
    fields: dict[str, str] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or not part.name:
            raise Refusal.MALFORMED.error()
        _add(fields, part.name, bytes(await part.read()).decode())
    return fields


async def _read_urlencoded(request: web.Request) -> dict[str, str]:
    fields: dict[str, str] = {}
    text = (await request.read()).decode()
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict"):
        _add(fields, name, value)
    return fields


async def _read_json(request: web.Request) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in decode_object(await request.read()).items():
        # Numbers are signed as their digits, and an object where text was meant as compact JSON.
        _add(fields, name, value if isinstance(value, str) else encode(value))
    return fields


_READERS: dict[str, Callable[[web.Request], Awaitable[dict[str, str]]]] = {
    "multipart/form-data": _read_multipart,
    "application/x-www-form-urlencoded": _read_urlencoded,
    "application/json": _read_json,
}


def _add(fields: dict[str, str], name: str, text: str) -> None:
    if len(fields) >= MAX_PARTS:
        raise Refusal.TOO_MANY_PARTS.error()
    if name in fields:
        raise Refusal.MALFORMED.error()
    fields[name] = text
