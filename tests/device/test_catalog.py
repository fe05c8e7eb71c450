"""The vendor's tables, and what a camera tells about itself."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ipc_bridge.catalog import device
from ipc_bridge.catalog.codes import DEVICE_CODES, explain
from ipc_bridge.catalog.device import Auth, Endpoint
from ipc_bridge.device.address import Address
from ipc_bridge.device.api import CameraApi
from ipc_bridge.device.description import ask_info, ask_streams
from ipc_bridge.simulator import CameraSettings, SimulatedCamera
from tests.device.rig import CREDENTIALS, trust


def test_codes_by_name_and_meaning() -> None:
    assert explain(5) == "code 5 (SECRET_KEY_INVALID: app_id or secret key is wrong (bad signature))"
    assert explain(4711) == "code 4711, which the vendor does not document"
    assert explain(-1) == "code -1, which the vendor does not document"


def test_the_table_of_codes() -> None:
    names = [code.name for code in DEVICE_CODES.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Z][A-Z_]*", name) for name in names)
    assert all(code.meaning and not code.meaning.endswith(".") for code in DEVICE_CODES.values())
    assert list(DEVICE_CODES) == sorted(DEVICE_CODES)


def test_codes_that_are_acted_upon_stand_in_the_table() -> None:
    acted_upon = {name: value for name, value in vars(device).items() if isinstance(value, int)}
    assert {name: DEVICE_CODES[value].name for name, value in acted_upon.items()} == {
        "SUCCESS": "SUCCESS",
        "APP_ID_INVALID": "APPID_INVALID",
        "SECRET_KEY_INVALID": "SECRET_KEY_INVALID",
        "URL_NOT_FOUND": "URL_NOT_FOUND",
        "DEVICE_NOT_ACTIVATED": "DEVICE_NOT_ACTIVATED",
        "DEVICE_ACTIVATED": "DEVICE_ACTIVATED",
        "SUBSCRIBE_EVENT_NOT_EXIST": "SUBSCRIBE_EVENT_NOT_EXIST",
    }


def test_endpoints() -> None:
    endpoints = [value for value in vars(device).values() if isinstance(value, Endpoint)]
    assert all(re.fullmatch(r"[a-z][A-Za-z]*/[a-z][A-Za-z]*", endpoint.path) for endpoint in endpoints)
    assert [endpoint.path for endpoint in endpoints if endpoint.auth is Auth.ACTIVATION_CODE] == ["device/activate"]


async def test_what_a_camera_tells() -> None:
    async with (
        SimulatedCamera(CameraSettings(host="127.30.3.2", discovery_port=None)) as camera,
        CameraApi(camera.sn, Address(camera.host, camera.api_port), trust(), CREDENTIALS) as api,
    ):
        assert await ask_info(api) == {
            "own_name": "Front door",
            "model_name": "FM020",
            "mac": "02:00:00:00:00:01",
            "firmware": "1.3.6",
            "hardware": "1.0.0",
        }
        streams = await ask_streams(api)
    assert set(streams) == {"stream_hd", "stream_fhd"}
    assert all(str(address).startswith("rtsp://127.30.3.2/") for address in streams.values())


@pytest.mark.parametrize("value", ["", "  ", None, 5, [], {"a": 1}])
async def test_what_a_camera_does_not_tell(value: object) -> None:
    class Silent(CameraApi):
        async def call(self, endpoint: Endpoint, **params: Any) -> dict[str, Any]:
            return {"name": value, "mac": "x" * 1000, "hd_live_url": value}

    api = Silent("FS-1", Address("127.30.3.3", 1), trust(), CREDENTIALS)
    info = await ask_info(api)
    assert (info.pop("mac"), set(info.values())) == ("x" * 256, {None})
    assert set((await ask_streams(api)).values()) == {None}
