"""``/plugin/<name>/``: what a plugin's own process answers, over its Unix socket."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import aiohttp
from aiohttp import web

from ipc_bridge.web.access import COOKIE

TIMEOUT = 30.0
"""Seconds in which a plugin must connect, and go on answering."""
CHUNK = 65_536

Headers = list[tuple[str, str]]

_OF_THE_CONNECTION = (
    "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding",
    "Upgrade",
)  # fmt: skip
"""Headers that are for one connection, not for the other end."""
_NOT_FOR_PLUGINS = ("Host", "Expect", "Content-Length", "Authorization", "Cookie")
_NOT_FROM_PLUGINS = ("Set-Cookie", "Content-Length", "Server", "Date")


class PluginProxy:
    """Passes requests on.

    Args:
        sockets: where each plugin listens, by its name; plugins come and go.
    """

    def __init__(self, sockets: Mapping[str, Path]) -> None:
        self._sockets = sockets

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Have the plugin answer; 404 where there is none of that name, 502 or 504 where it does not."""
        name = request.match_info["name"]
        socket = self._sockets.get(name)
        if socket is None:
            raise web.HTTPNotFound(text=f"No plugin {name} shows anything here.")
        # At most the application's client_max_size.
        body = await request.read()
        mount = f"/plugin/{name}"
        with _failures(name):
            async with (
                aiohttp.ClientSession(
                    "http://plugin",
                    connector=aiohttp.UnixConnector(str(socket)),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT, sock_read=TIMEOUT),
                    skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                ) as session,
                session.request(
                    request.method,
                    request.rel_url.with_path(
                        request.rel_url.raw_path.removeprefix(mount), encoded=True, keep_query=True
                    ),
                    headers=_for_plugin(request, mount),
                    data=body or None,
                    allow_redirects=False,
                ) as answer,
            ):
                return await _pass_back(request, answer)


def _for_plugin(request: web.Request, mount: str) -> Headers:
    """The request's headers, without what is between the browser and the bridge: its token above all."""
    headers = _without(request.headers, _NOT_FOR_PLUGINS)
    cookies = "; ".join(f"{name}={value}" for name, value in request.cookies.items() if name != COOKIE)
    if cookies:
        headers.append(("Cookie", cookies))
    return [*headers, ("X-Forwarded-Prefix", mount)]


async def _pass_back(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    headers = _without(answer.headers, _NOT_FROM_PLUGINS)
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    response.content_length = answer.content_length
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_chunked(CHUNK):
            await response.write(chunk)
        await response.write_eof()
    except (aiohttp.ClientError, OSError, TimeoutError):
        # The head has been sent: that it is not complete can be told only by hanging up.
        if request.transport is not None:
            request.transport.abort()
    return response


def _without(headers: Mapping[str, str], unwanted: Iterable[str]) -> Headers:
    of_the_connection = headers.get("Connection", "").split(",")
    dropped = {name.strip().lower() for name in (*_OF_THE_CONNECTION, *of_the_connection, *unwanted)}
    return [(name, value) for name, value in headers.items() if name.lower() not in dropped]


@contextlib.contextmanager
def _failures(name: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise web.HTTPGatewayTimeout(text=f"Plugin {name} does not answer.") from error
    except (aiohttp.ClientError, OSError) as error:
        raise web.HTTPBadGateway(text=f"Plugin {name} cannot be reached.") from error
