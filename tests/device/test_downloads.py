"""Videos from a camera: whole, from the middle, and what is none."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from ipc_bridge.catalog.device import GET_RECORD_LIST
from ipc_bridge.device import downloads
from ipc_bridge.device.api import CameraApi
from ipc_bridge.device.downloads import open_download, until_there
from ipc_bridge.errors import RejectedFileError, ReplyError, UnreachableError
from ipc_bridge.simulator import SimulatedCamera
from ipc_bridge.simulator.files import flv
from tests.device.test_api import Respond, always, api_of, server, settings

VIDEO = flv(60)


@pytest.fixture
async def camera() -> AsyncIterator[SimulatedCamera]:
    async with SimulatedCamera(settings(host="127.30.3.2")) as camera:
        yield camera


async def recording(api: CameraApi, camera: SimulatedCamera) -> str:
    now = int(camera._state.now())
    answer = await api.call(GET_RECORD_LIST, start_time=now - 3600, end_time=now)
    return str(answer["record_list"][0]["url"])


async def read(
    api: CameraApi, url: str, begin: int = 0, content: bytearray | None = None
) -> tuple[int, int | None, bytes]:
    content = bytearray() if content is None else content
    async with open_download(api, url, begin) as download:
        async for chunk in download.chunks:
            content += chunk
    return download.begin, download.size, bytes(content)


async def test_whole_and_from_the_middle(camera: SimulatedCamera) -> None:
    async with api_of(camera) as api:
        url = await recording(api, camera)
        assert await read(api, url) == (0, len(VIDEO), VIDEO)
        assert await read(api, url, 100) == (100, len(VIDEO), VIDEO[100:])


async def test_a_camera_that_only_begins_at_the_beginning() -> None:
    async with SimulatedCamera(settings(host="127.30.3.2", serves_ranges=False)) as camera, api_of(camera) as api:
        assert await read(api, await recording(api, camera), 100) == (0, len(VIDEO), VIDEO)


async def test_one_that_breaks(camera: SimulatedCamera) -> None:
    camera.faults.cut_downloads = 500
    async with api_of(camera) as api:
        url = await recording(api, camera)
        got = bytearray()
        with pytest.raises(UnreachableError, match=r"/mnt/sd-card/sunmi_video/video_plan/.* on 127.30.3.2"):
            await read(api, url, content=got)
        assert got == VIDEO[:500]


@pytest.mark.parametrize(
    ("respond", "complaint"),
    [
        (always(b"", 404), "HTTP 404 and no video"),
        (always(b"", 416), "HTTP 416 and no video"),
        (always(b"", 302, Location="/"), "HTTP 302 and no video"),
        (always(VIDEO, 206), "HTTP 206 and no video"),
        (always(VIDEO, 206, **{"Content-Range": "bytes 50-99/100"}), "HTTP 206 and no video"),
        (always(VIDEO, 206, **{"Content-Range": "bytes */100"}), "HTTP 206 and no video"),
    ],
)
async def test_answers_that_are_no_video(respond: Respond, complaint: str) -> None:
    async with server(respond) as address, api_of(address) as api:
        with pytest.raises(ReplyError, match=complaint):
            await read(api, f"https://{address}/1.flv", 100)


async def test_a_size_that_is_not_told() -> None:
    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        assert request.headers["Range"] == "bytes=100-"
        return web.Response(body=b"rest", status=206, headers={"Content-Range": "bytes 100-103/*"})

    async with server(respond) as address, api_of(address) as api:
        assert await read(api, f"https://{address}/1.flv", 100) == (100, None, b"rest")


async def test_nobody_else_is_asked(camera: SimulatedCamera) -> None:
    async with api_of(camera) as api:
        with pytest.raises(RejectedFileError, match="not on this camera"):
            await read(api, "https://127.30.3.9/1.flv")


@pytest.mark.parametrize("none_yet", [always(b"", 404), always(b'{"code": 236}'), always(b"")])
async def test_a_clip_is_waited_for(none_yet: Respond, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "POLL_SECONDS", 0.01)
    asked = 0

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return await none_yet(request) if asked < 4 else web.Response(body=VIDEO)

    async with server(respond) as address, api_of(address) as api:
        await until_there(api, f"https://{address}/1.flv")
    assert asked == 4


async def test_a_clip_elsewhere_is_not_waited_for(camera: SimulatedCamera) -> None:
    async with api_of(camera) as api:
        with pytest.raises(RejectedFileError, match="not on this camera"):
            await until_there(api, "https://127.30.3.9/1.flv")
