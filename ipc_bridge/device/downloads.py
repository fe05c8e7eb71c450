"""Videos from a camera, in pieces: they may be long, and a download that broke goes on where it was."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from ipc_bridge.device.api import TIMEOUT, CameraApi
from ipc_bridge.device.file_address import path_on, where
from ipc_bridge.errors import RejectedFileError, ReplyError

MAGIC = b"FLV"
POLL_SECONDS = 0.5
"""Between two looks for a clip that the camera is still cutting."""
STALL_TIMEOUT = 30.0
"""Seconds without a byte after which a download has ended."""
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)")


@dataclass(frozen=True, slots=True)
class Download:
    """An open one.

    ``begin`` is where it begins: what was asked for, or 0 where the camera begins anew. ``size`` is that of the whole
    file; None where the camera does not tell.
    """

    begin: int
    size: int | None
    chunks: AsyncIterator[bytes]


@asynccontextmanager
async def open_download(api: CameraApi, url: str, begin: int = 0) -> AsyncIterator[Download]:
    """Open the file behind an address that the camera gave out, from byte ``begin`` on where the camera can do that.

    Raises:
        DeviceError: it cannot be had; ``ReplyError`` where it is not there, or not yet, or not any more.
    """
    path = await path_on(api.address, url)
    timeout = aiohttp.ClientTimeout(sock_connect=TIMEOUT, sock_read=STALL_TIMEOUT)
    headers = {"Range": f"bytes={begin}-"} if begin else {}
    async with api.get(path, timeout, **headers) as response:
        yield _read_head(response, begin, where(path, api.address))


def _read_head(response: aiohttp.ClientResponse, begin: int, what: str) -> Download:
    chunks = response.content.iter_any()
    if response.status == HTTPStatus.OK:
        return Download(0, response.content_length, chunks)
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if response.status != HTTPStatus.PARTIAL_CONTENT or match is None or int(match[1]) != begin:
        raise ReplyError(f"{what} answered HTTP {response.status} and no video")
    return Download(begin, None if match[2] == "*" else int(match[2]), chunks)


async def until_there(api: CameraApi, url: str) -> None:
    """Return once there is a video behind an address that the camera gave out: a clip is not, while it is cut.

    It is for the caller to say how long that may take.

    Raises:
        DeviceError: the camera is gone; ``RejectedFileError`` where the address is not on it.
    """
    while True:
        if await _is_there(api, url):
            return
        await asyncio.sleep(POLL_SECONDS)


async def _is_there(api: CameraApi, url: str) -> bool:
    try:
        async with open_download(api, url) as download:
            async for chunk in download.chunks:
                return chunk.startswith(MAGIC[: len(chunk)])
    except RejectedFileError:
        raise
    except ReplyError:
        pass
    return False
