"""Pages of plugins, each in a process of its own: here, a server on a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from ipc_bridge.web import plugins as module
from ipc_bridge.web.access import COOKIE
from ipc_bridge.web.forms import MAX_BODY
from tests.web.rig import serving

TOKEN = "secret-token"


@contextlib.asynccontextmanager
async def plugin(
    path: Path, respond: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
) -> AsyncIterator[dict[str, Path]]:
    """A plugin named ``door`` that answers, and the mapping that names it."""
    http = web.Server(respond)
    server = await asyncio.get_running_loop().create_unix_server(http, str(path))
    try:
        yield {"door": path}
    finally:
        server.close()
        await http.shutdown(0.1)


async def echo(request: web.BaseRequest) -> web.Response:
    """What came, as JSON."""
    return web.json_response(
        {
            "method": request.method,
            "path": request.path_qs,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": (await request.read()).decode(),
        },
        status=201,
        headers={"X-Own": "1", "Set-Cookie": "a=b", "Connection": "X-Hop", "X-Hop": "1"},
    )


async def test_a_request_is_passed_on_whole(tmp_path: Path) -> None:
    async with plugin(tmp_path / "s", echo) as sockets, serving(sockets) as served:
        headers = {
            "X-Own": "2",
            "Content-Type": "text/plain",
            "Cookie": f"{COOKIE}=secret; lang=de",
            "Connection": "X-Hop",
            "X-Hop": "2",
        }
        answer = await served.ask("PATCH", "/plugin/door/a%2Fb/c?x=1&y=%20", b"body", headers)
        assert answer.status == 201
        assert (answer.headers["x-own"], answer.headers["server"]) == ("1", "ipc-bridge")
        assert not {"set-cookie", "x-hop"} & answer.headers.keys()
        seen = answer.json
        assert (seen["method"], seen["path"], seen["body"]) == ("PATCH", "/a%2Fb/c?x=1&y=%20", "body")
        assert seen["headers"]["x-own"] == "2"
        assert seen["headers"]["cookie"] == "lang=de"
        assert seen["headers"]["content-type"] == "text/plain"
        assert seen["headers"]["x-forwarded-prefix"] == "/plugin/door"
        assert "x-hop" not in seen["headers"]


async def test_a_plugin_does_not_see_the_token(tmp_path: Path) -> None:
    async with plugin(tmp_path / "s", echo) as sockets, serving(sockets, token=TOKEN) as served:
        assert (await served.ask("GET", "/plugin/door/")).status == 401
        answer = await served.ask("GET", "/plugin/door/", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status == 201
        assert answer.json["path"] == "/"
        assert "authorization" not in answer.json["headers"]
        assert TOKEN not in answer.body.decode()


async def test_plugins_come_and_go(tmp_path: Path) -> None:
    sockets: dict[str, Path] = {}
    async with plugin(tmp_path / "s", echo) as there, serving(sockets) as served:
        assert (await served.ask("GET", "/plugin/door/")).status == 404
        sockets.update(there)
        assert (await served.ask("GET", "/plugin/door/")).status == 201
    async with serving(sockets) as served:
        answer = await served.ask("GET", "/plugin/door/")
        assert (answer.status, answer.body) == (502, b"Plugin door cannot be reached.")


async def test_what_is_too_large_is_not_passed_on(tmp_path: Path) -> None:
    async with plugin(tmp_path / "s", echo) as sockets, serving(sockets) as served:
        assert (await served.ask("POST", "/plugin/door/", bytes(MAX_BODY + 1))).status == 413


async def test_a_plugin_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.05)

    async def hang(_request: web.BaseRequest) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with plugin(tmp_path / "s", hang) as sockets, serving(sockets) as served:
        assert (await served.ask("GET", "/plugin/door/")).status == 504


async def test_a_plugin_that_ends_in_the_middle(tmp_path: Path) -> None:
    async def half(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    async with plugin(tmp_path / "s", half) as sockets, serving(sockets) as served:
        with pytest.raises(asyncio.IncompleteReadError):
            await served.ask("GET", "/plugin/door/")
        assert (await served.ask("GET", "/health")).status == 200


async def test_what_comes_bit_by_bit_is_passed_on_as_it_comes(tmp_path: Path) -> None:
    more = asyncio.Event()

    async def stream(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        await more.wait()
        await response.write(b"two")
        return response

    async with plugin(tmp_path / "s", stream) as sockets, serving(sockets) as served, served.connection() as connection:
        connection.send(served.head("GET", "/plugin/door/"))
        async with asyncio.timeout(10):
            await connection.reader.readuntil(b"one")
            more.set()
            await connection.reader.readuntil(b"two")


async def test_a_redirection_is_the_browsers_business(tmp_path: Path) -> None:
    async def away(_request: web.BaseRequest) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1/secret"})

    async with plugin(tmp_path / "s", away) as sockets, serving(sockets) as served:
        answer = await served.ask("GET", "/plugin/door/")
        assert (answer.status, answer.headers["location"]) == (302, "http://127.0.0.1/secret")


@pytest.mark.parametrize("path", ["/plugin/door", "/plugin/", "/plugin/../door/", "/plugin/other/"])
async def test_paths_that_are_no_plugins(tmp_path: Path, path: str) -> None:
    async with plugin(tmp_path / "s", echo) as sockets, serving(sockets) as served:
        assert (await served.ask("GET", path)).status == 404


async def test_a_packed_body_is_passed_on_as_it_is(tmp_path: Path) -> None:
    packed = gzip.compress(b"a" * 1000)
    async with plugin(tmp_path / "s", echo) as sockets, serving(sockets) as served:
        answer = await served.ask("POST", "/plugin/door/", packed, {"Content-Encoding": "gzip"})
        assert answer.json["headers"]["content-length"] == str(len(packed))
        # The plugin unpacks it, or not.
        assert answer.json["body"] == "a" * 1000
