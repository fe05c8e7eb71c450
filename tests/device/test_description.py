"""What a camera tells about itself."""

from __future__ import annotations

from typing import Any

import pytest

from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.device.address import Address
from ipc_bridge.device.api import CameraApi
from ipc_bridge.device.description import ask_info, ask_streams
from ipc_bridge.simulator import CameraSettings, SimulatedCamera
from tests.device.rig import CREDENTIALS, trust


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
        async def call(self, endpoint: Endpoint, /, **params: Any) -> dict[str, Any]:
            return {"name": value, "mac": "x" * 1000, "hd_live_url": value}

    api = Silent("FS-1", Address("127.30.3.3", 1), trust(), CREDENTIALS)
    info = await ask_info(api)
    assert (info.pop("mac"), set(info.values())) == ("x" * 256, {None})
    assert set((await ask_streams(api)).values()) == {None}


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("rtsp://10.0.0.7/0f/live_hd.sdp", "rtsp://10.0.0.7/0f/live_hd.sdp"),
        ("rtsp://admin:p@ss@10.0.0.7:554/0f/live_hd.sdp?a=1", "rtsp://10.0.0.7:554/0f/live_hd.sdp?a=1"),
        ("rtsp://admin:pass@[10.0.0.7/0f", None),
    ],
)
async def test_a_stream_is_told_without_a_login(told: str, shown: str | None) -> None:
    class Talkative(CameraApi):
        async def call(self, endpoint: Endpoint, /, **params: Any) -> dict[str, Any]:
            return {"hd_live_url": told, "fhd_live_url": None}

    api = Talkative("FS-1", Address("127.30.3.3", 1), trust(), CREDENTIALS)
    assert await ask_streams(api) == {"stream_hd": shown, "stream_fhd": None}
