"""The body of a camera's post: a few texts, as ``multipart/form-data``."""

from __future__ import annotations

import asyncio
import re

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from ipc_bridge.bridge.hook_refusals import Refusal

MAX_BODY = 1_000_000
"""Bytes of a post; an event has less than a thousand."""
MAX_PARTS = 16
"""A camera sends five."""
READ_TIMEOUT = 10.0
"""Seconds from the head of a post to its last byte."""

_MULTIPART = "multipart/form-data"
_LENGTH = re.compile(r"[0-9]{1,18}")


def check_head(request: web.Request) -> None:
    """Refuse a post for what its head says, before any of its body is read.

    Raises:
        HookRefusedError: it says no length or too much, or is no form.
    """
    length = request.headers.get("Content-Length", "")
    if not _LENGTH.fullmatch(length):
        raise Refusal.NO_LENGTH.error()
    if int(length) > MAX_BODY:
        raise Refusal.TOO_LARGE.error()
    if request.content_type != _MULTIPART or "Content-Encoding" in request.headers:
        raise Refusal.WRONG_TYPE.error()


async def read_fields(request: web.Request) -> dict[str, str]:
    """Read the body of a post whose head is right.

    Raises:
        HookRefusedError: it is too slow, too large, or no form with each field once.
    """
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            return await _read(await request.multipart())
    except TimeoutError as error:
        raise Refusal.TOO_SLOW.error() from error
    except (ConnectionError, web.RequestPayloadError) as error:
        raise Refusal.BROKEN_OFF.error() from error
    except (ValueError, RuntimeError, RuntimeWarning, HttpProcessingError) as error:
        # RuntimeWarning: aiohttp warns of headers that it cannot read; where warnings are errors, that ends here.
        raise Refusal.MALFORMED.error() from error


async def _read(form: MultipartReader) -> dict[str, str]:
    fields: dict[str, str] = {}
    async for part in form:
        if len(fields) >= MAX_PARTS:
            raise Refusal.TOO_MANY_PARTS.error()
        if not isinstance(part, BodyPartReader) or not part.name or part.name in fields:
            raise Refusal.MALFORMED.error()
        fields[part.name] = bytes(await part.read()).decode()
    return fields
