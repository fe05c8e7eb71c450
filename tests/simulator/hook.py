"""Somebody who takes what cameras post, and remembers it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from ipc_bridge.simulator.changes import Changes
from ipc_bridge.wire.payload import decode_object


@dataclass(frozen=True)
class Taken:
    """One post."""

    remote: str | None
    path: str
    headers: dict[str, str]
    body: bytes
    fields: dict[str, str]

    @property
    def event(self) -> dict[str, Any]:
        return decode_object(self.fields["payload"].encode())


@dataclass
class Receiver:
    """``answers`` are the statuses of the next posts; then it is 200. ``url`` is where to post."""

    url: str = ""
    posts: list[Taken] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)

    async def take(self, request: web.BaseRequest) -> web.Response:
        headers = dict(request.headers)
        if "Expect" in headers:
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        body = await request.read()
        self.posts.append(Taken(request.remote, request.path, headers, body, fields_of(body)))
        self.changes.notify()
        return web.json_response({"code": 0}, status=self.answers.pop(0) if self.answers else 200)

    async def wait_for(self, count: int) -> list[Taken]:
        """Return all posts, once there are ``count``."""
        await self.changes.wait_for(lambda: len(self.posts) >= count)
        return self.posts


def fields_of(body: bytes) -> dict[str, str]:
    """Read a form as the documents show it, by its bytes."""
    first, _, _ = body.partition(b"\r\n")
    assert body.endswith(b"\r\n" + first + b"--\r\n")
    fields = {}
    for part in body.removesuffix(b"\r\n" + first + b"--\r\n").split(first + b"\r\n")[1:]:
        head, _, text = part.removesuffix(b"\r\n").partition(b"\r\n\r\n")
        name = head.removeprefix(b'Content-Disposition: form-data; name="').removesuffix(b'"')
        fields[name.decode()] = text.decode()
    return fields


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()
    http = web.Server(receiver.take)
    server = await asyncio.get_running_loop().create_server(http, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook/secret"
    try:
        yield receiver
    finally:
        server.close()
        await http.shutdown(0.1)
