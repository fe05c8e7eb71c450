"""The HTTPS API refuses what a camera would refuse."""

from __future__ import annotations

import socket
import time
from typing import Any

import aiohttp
import pytest

from ipc_bridge.simulator import CameraSettings, SimulatedCamera
from ipc_bridge.wire.signing import public_params, sign
from tests.simulator.client import CREDENTIALS, subscription


def url(camera: SimulatedCamera, path: str) -> str:
    return f"https://{camera.host}:{camera.api_port}{path}"


def form(*, key: str = CREDENTIALS.secret_key, **changes: str | None) -> dict[str, str]:
    """Signed parameters, apart from ``changes``: a value, or None for one that is missing."""
    fields = {**public_params(CREDENTIALS, int(time.time()), "289192"), **changes}
    params = {name: value for name, value in fields.items() if value is not None}
    return {"sign": sign(params, key), **params}


async def call(
    http: aiohttp.ClientSession, camera: SimulatedCamera, path: str, params: dict[str, str] | None = None
) -> dict[str, Any]:
    async with http.post(url(camera, f"/openapi/{path}"), data=form() if params is None else params) as response:
        assert response.status == 200
        answer: dict[str, Any] = await response.json(content_type=None)
        return answer


async def test_get_info(camera: SimulatedCamera, http: aiohttp.ClientSession) -> None:
    assert await call(http, camera, "device/getInfo") == {
        "code": 0,
        "data": {
            "sn": "FS101D8BS00101",
            "model_name": "FM020",
            "name": "Front door",
            "software_version": "1.3.6",
            "hardware_version": "1.0.0",
            "ip": "127.0.0.1",
            "mac": "02:00:00:00:00:01 ",
        },
    }


async def test_get_name_and_live_stream(camera: SimulatedCamera, http: aiohttp.ClientSession) -> None:
    assert await call(http, camera, "config/getName") == {"code": 0, "data": {"name": "Front door"}}
    streams = (await call(http, camera, "media/getLiveStream"))["data"]
    assert streams.keys() == {"hd_live_url", "fhd_live_url"}
    assert streams["hd_live_url"].startswith("rtsp://127.0.0.1/")
    assert streams["hd_live_url"].endswith("/live_hd.sdp")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        (form(app_id="other"), 1),
        (form(key="other"), 5),
        (form(sign="0" * 32), 5),
        (form() | {"sign": form()["sign"].lower()}, 5),
        ({}, 2),
        (form(timestamp=None), 2),
        (form(timestamp="1593029283x"), 2),
        (form(random=None), 2),
        (form(random="1-2-3-4"), 2),
        (form(sign=""), 2),
        (form(app_id=None), 2),
        (form(surplus="1"), 2),
        (form() | {"surplus": "1"}, 5),
    ],
)
async def test_the_code_says_what_is_wrong(
    camera: SimulatedCamera, http: aiohttp.ClientSession, params: dict[str, str], code: int
) -> None:
    assert await call(http, camera, "device/getInfo", params) == {"code": code}


@pytest.mark.parametrize("path", ["/openapi/device/getinfo", "/openapi/face/unknown", "/device/getInfo", "/"])
async def test_an_unknown_address(camera: SimulatedCamera, http: aiohttp.ClientSession, path: str) -> None:
    async with http.post(url(camera, path), data=form()) as response:
        assert await response.json(content_type=None) == {"code": 6}


async def test_only_post_will_do(camera: SimulatedCamera, http: aiohttp.ClientSession) -> None:
    async with http.get(url(camera, "/openapi/device/getInfo"), params=form()) as response:
        assert await response.json(content_type=None) == {"code": 6}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{}", "application/json"),
        (b"app_id", "application/x-www-form-urlencoded"),
        (b"app_id=%ff", "application/x-www-form-urlencoded"),
        (b"app_id=\xff", "application/x-www-form-urlencoded"),
        (b"a=1&a=2", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % number for number in range(101)), "application/x-www-form-urlencoded"),
    ],
)
async def test_a_body_that_is_no_form(
    camera: SimulatedCamera, http: aiohttp.ClientSession, body: bytes, content_type: str
) -> None:
    headers = {"Content-Type": content_type}
    async with http.post(url(camera, "/openapi/device/getInfo"), data=body, headers=headers) as response:
        assert await response.json(content_type=None) == {"code": 2}


async def test_activation(http: aiohttp.ClientSession) -> None:
    settings = CameraSettings(discovery_port=None, activated=False, activation_code="87654321")
    async with SimulatedCamera(settings) as camera:
        assert await call(http, camera, "device/getInfo") == {"code": 7}
        assert await call(http, camera, "face/unknown") == {"code": 6}
        for params, code in (
            (form(sn=camera.sn), 8),
            (form(sn="FS101D8BS99999", key="87654321"), 11),
            (form(key="87654321"), 2),
        ):
            assert await call(http, camera, "device/activate", params) == {"code": code}
            assert not camera.activated
        right = form(sn=camera.sn, key="87654321")
        assert await call(http, camera, "device/activate", right) == {"code": 0}
        assert camera.activated
        assert await call(http, camera, "device/activate", right) == {"code": 9}
        assert (await call(http, camera, "device/getInfo"))["code"] == 0


async def test_the_clock_is_compared_where_told_to(http: aiohttp.ClientSession) -> None:
    async with SimulatedCamera(CameraSettings(discovery_port=None, max_skew=60)) as camera:
        assert (await call(http, camera, "config/getName"))["code"] == 0
        camera.faults.clock_offset = 300
        assert (await call(http, camera, "config/getName"))["code"] == 5


async def test_reboot_answers_first(http: aiohttp.ClientSession) -> None:
    async with SimulatedCamera(CameraSettings(discovery_port=None, reboot_seconds=0.05)) as camera:
        async with subscription(camera) as client:
            assert await call(http, camera, "device/reboot") == {"code": 0}
            assert await client.is_closed()
        await camera.wait_until(lambda: camera.running)
        assert (await call(http, camera, "config/getName"))["code"] == 0


async def test_a_reboot_under_way_ends_with_the_camera(http: aiohttp.ClientSession) -> None:
    async with SimulatedCamera(CameraSettings(discovery_port=None, reboot_seconds=3600)) as camera:
        await call(http, camera, "device/reboot")
        await camera.wait_until(lambda: not camera.running)
    assert not camera.running


async def test_calls_are_remembered(camera: SimulatedCamera, http: aiohttp.ClientSession) -> None:
    params = form(surplus="ü &=")
    await call(http, camera, "config/getName")
    await call(http, camera, "device/getInfo", params)
    assert [(made.path, made.code) for made in camera.calls] == [("config/getName", 0), ("device/getInfo", 2)]
    assert camera.calls[1].params == params


async def test_faults_of_the_api(camera: SimulatedCamera, http: aiohttp.ClientSession) -> None:
    camera.faults.refuse("api", 12)
    assert await call(http, camera, "config/getName") == {"code": 12}
    camera.faults.delay = 0.1
    before = time.monotonic()
    assert (await call(http, camera, "config/getName"))["code"] == 0
    assert time.monotonic() - before >= 0.1
    camera.faults.silence()
    with pytest.raises(TimeoutError):
        await http.post(url(camera, "/openapi/config/getName"), data=form(), timeout=aiohttp.ClientTimeout(total=0.1))
    assert len(camera.calls) == 2
    camera.faults.speak()
    camera.faults.delay = 0.0
    assert (await call(http, camera, "config/getName"))["code"] == 0


async def test_a_picture_is_where_the_event_says(camera: SimulatedCamera, http: aiohttp.ClientSession) -> None:
    async with subscription(camera) as client:
        camera.emit_face()
        address = (await client.event())["pic_url"]
    async with http.get(address) as response:
        picture = await response.read()
        assert (response.status, response.content_type) == (200, "image/jpeg")
    assert picture[:2] == bytes.fromhex("FFD8")
    assert picture[-2:] == bytes.fromhex("FFD9")
    async with http.get(address[:-1] + ("0" if address[-1] != "0" else "1")) as response:
        assert await response.json(content_type=None) == {"code": 6}


async def test_a_reboot_that_fails_is_logged(http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture) -> None:
    async with SimulatedCamera(CameraSettings(discovery_port=None, reboot_seconds=0.05)) as camera:
        await call(http, camera, "device/reboot")
        await camera.wait_until(lambda: not camera.running)
        with socket.create_server((camera.host, camera.channel_port)):
            await camera.wait_until(lambda: "address already in use" in caplog.text)
        assert not camera.running
