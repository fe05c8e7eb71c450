"""``hook/*``: addresses that events are to be posted to."""

from __future__ import annotations

import aiohttp
import pytest

from ipc_bridge.catalog.device import HOOK_ADD, HOOK_DELETE, HOOK_QUERY
from ipc_bridge.simulator import MOTION_MODEL, CameraSettings, SimulatedCamera
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT
from tests.simulator.api import Api

URL = "http://192.168.0.100:8000/msg"


async def test_subscriptions_come_and_go(api: Api, camera: SimulatedCamera) -> None:
    assert await api.get(HOOK_QUERY) == {"num": 0, "sub_event": []}
    assert await api.code(HOOK_ADD, event_list=[FACE_EVENT, DETECT_EVENT], http_callback=URL) == 0
    assert await api.code(HOOK_ADD, event_list=[FACE_EVENT], http_callback=URL) == 0
    assert await api.code(HOOK_ADD, event_list=[FACE_EVENT], http_callback="https://hub/") == 0
    # The documents' sample has no scheme.
    assert await api.get(HOOK_QUERY) == {
        "num": 2,
        "sub_event": [
            {"event": FACE_EVENT, "http_callback": ["192.168.0.100:8000/msg", "hub/"]},
            {"event": DETECT_EVENT, "http_callback": ["192.168.0.100:8000/msg"]},
        ],
    }
    assert camera.hooks == {FACE_EVENT: [URL, "https://hub/"], DETECT_EVENT: [URL]}
    assert await api.code(HOOK_DELETE, event_list=[FACE_EVENT]) == 0
    assert await api.code(HOOK_DELETE, event_list=[FACE_EVENT]) == 0
    assert (await api.get(HOOK_QUERY))["num"] == 1
    await camera.reboot()
    assert (await api.get(HOOK_QUERY))["num"] == 0


@pytest.mark.parametrize("url", ["http://", "http:///msg", "http://[::1/", "ftp://192.168.0.100/", "192.168.0.100", ""])
async def test_addresses_that_are_none(api: Api, camera: SimulatedCamera, url: str) -> None:
    assert await api.code(HOOK_ADD, event_list=[FACE_EVENT], http_callback=url) == 311
    assert not camera.hooks


async def test_the_oldest_of_too_many_goes(api: Api, camera: SimulatedCamera) -> None:
    for number in range(12):
        assert await api.code(HOOK_ADD, event_list=[FACE_EVENT], http_callback=f"http://hub/{number}") == 0
    assert camera.hooks[FACE_EVENT] == [f"http://hub/{number}" for number in range(2, 12)]


async def test_an_fm010_has_no_faces_to_post(http: aiohttp.ClientSession) -> None:
    async with SimulatedCamera(CameraSettings(discovery_port=None, model=MOTION_MODEL)) as camera:
        api = Api(http, camera)
        assert await api.code(HOOK_ADD, event_list=[DETECT_EVENT, FACE_EVENT], http_callback=URL) == 310
        assert await api.code(HOOK_DELETE, event_list=[FACE_EVENT]) == 310
        assert await api.code(HOOK_ADD, event_list=[DETECT_EVENT], http_callback=URL) == 0
