"""``device/*``, and what a camera takes before it is activated, after it, and as another model."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from ipc_bridge.catalog.device import (
    ACTIVATE,
    ENDPOINTS,
    GET_AP_LIST_WITHOUT_AUTH,
    GET_INFO,
    GET_WIFI_CONF,
    HOOK_ADD,
    REBOOT,
    RESET,
    SET_WIFI_CONF_WITHOUT_AUTH,
)
from ipc_bridge.catalog.endpoint import Auth, Endpoint
from ipc_bridge.simulator import MOTION_MODEL, CameraSettings, Code, SimulatedCamera
from ipc_bridge.simulator.controls import Controls
from ipc_bridge.wire.packet import DETECT_EVENT
from tests.simulator.api import Api

WIFI = {"ssid": "WeWork", "password": "1234567890"}


@pytest.fixture
async def new_camera() -> AsyncIterator[SimulatedCamera]:
    async with SimulatedCamera(CameraSettings(discovery_port=None, activated=False)) as camera:
        yield camera


def name_of(row: Endpoint) -> str:
    return row.path


async def test_wifi_before_activation(http: aiohttp.ClientSession, new_camera: SimulatedCamera) -> None:
    api = Api(http, new_camera)
    assert (await api.get(GET_AP_LIST_WITHOUT_AUTH))["num"] > 0
    assert await api.code(SET_WIFI_CONF_WITHOUT_AUTH, ssid="", password="") == 100
    assert await api.code(SET_WIFI_CONF_WITHOUT_AUTH, **WIFI) == 0
    assert await api.code(ACTIVATE, sn=new_camera.sn) == 0
    assert await api.get(GET_WIFI_CONF) == WIFI
    assert await api.code(GET_AP_LIST_WITHOUT_AUTH) == 12
    assert await api.code(SET_WIFI_CONF_WITHOUT_AUTH, **WIFI) == 12
    assert "password=***" in str(new_camera.calls[-1])
    assert "1234567890" not in str(new_camera.calls[-1])


@pytest.mark.parametrize("row", [row for row in ENDPOINTS.values() if row.auth is Auth.ACCOUNT], ids=name_of)
async def test_nothing_else_before_activation(
    http: aiohttp.ClientSession, new_camera: SimulatedCamera, row: Endpoint
) -> None:
    assert await Api(http, new_camera).code(row) == 7


async def test_a_factory_reset_forgets_everything(http: aiohttp.ClientSession) -> None:
    async with SimulatedCamera(CameraSettings(discovery_port=None, reboot_seconds=0.0)) as camera:
        api = Api(http, camera)
        camera.emit_face()
        camera.controls.led_switch = 0
        assert await api.code(HOOK_ADD, event_list=[DETECT_EVENT], http_callback="http://hub/") == 0
        assert await api.code(RESET) == 0
        assert not camera.activated
        await camera.wait_until(lambda: not camera.running)
        await camera.wait_until(lambda: camera.running)
        assert await api.code(GET_INFO) == 7
        assert (camera.controls, camera.hooks, camera.library.faces) == (Controls(), {}, {})
        assert not camera.statistics.visits(0, 2**40)
        assert await api.code(ACTIVATE, sn=camera.sn) == 0
        assert (await api.get(GET_INFO))["name"] == "IPC"


async def test_a_reboot_keeps_settings_and_faces(http: aiohttp.ClientSession) -> None:
    async with SimulatedCamera(CameraSettings(discovery_port=None, reboot_seconds=0.0)) as camera:
        api = Api(http, camera)
        camera.controls.led_switch = 0
        assert await api.code(REBOOT) == 0
        await camera.wait_until(lambda: not camera.running)
        await camera.wait_until(lambda: camera.running)
        assert (await api.get(GET_INFO))["name"] == "Front door"
        assert (camera.controls.led_switch, len(camera.library.faces), camera.activated) == (0, 9, True)


@pytest.mark.parametrize("row", [row for row in ENDPOINTS.values() if row.models], ids=name_of)
async def test_what_an_fm010_does_not_have(http: aiohttp.ClientSession, row: Endpoint) -> None:
    assert row.group == "face" or "AiFaceConfig" in row.path
    settings = CameraSettings(discovery_port=None, model=MOTION_MODEL)
    async with SimulatedCamera(settings) as camera:
        assert await Api(http, camera).code(row) == 13


async def test_an_old_firmware_does_not_even_know_the_address(http: aiohttp.ClientSession) -> None:
    settings = CameraSettings(discovery_port=None, model=MOTION_MODEL, unsupported=Code.URL_NOT_FOUND)
    async with SimulatedCamera(settings) as camera:
        assert await Api(http, camera).code(ENDPOINTS["face/getGroupList"]) == 6
