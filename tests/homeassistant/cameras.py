"""Cameras as the tests of Home Assistant's payloads know them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ipc_bridge import __version__
from ipc_bridge.homeassistant.payloads import Device, camera_device
from ipc_bridge.models import CameraInfo, Model
from ipc_bridge.mqtt.topics import Topics

SN = "FS101D8BS00106"
TOPICS = Topics("ipc_bridge", "homeassistant")

FULL = CameraInfo(
    sn=SN,
    own_name="Front door",
    model=Model.FM020,
    model_name="FM020",
    host="10.0.0.1",
    mac="02:00:00:00:00:01",
    firmware="1.3.6",
    hardware="1.0.0",
)

STATE: dict[str, Any] = {
    "name": "Front door",
    "led": "ON",
    "ir_mode": "auto",
    "zoom": 120,
    "focus": 0,
    "max_zoom": 300,
    "max_focus": 780,
    "rotation": 180,
    "rotations": [0, 180],
    "motion_level": 2,
    "audio_level": 3,
    "detect_days": "mon,tue,sun",
    "detect_start": "08:00",
    "detect_stop": "24:00",
    "flow_mode": "normal",
    "face_interval": 10,
    "door_line": {"resolution": "1080p", "start_x": 0, "start_y": 0, "end_x": 500, "end_y": 0},
    "face_optimize_seconds": 2,
    "face_groups": [{"name": "vip", "count": 1, "capacity": 1000}],
    "regular_visits": 5,
    "regular_days": 7,
    "sd_card": "working",
    "wifi_ssid": "Shop",
    "ip_mode": "dhcp",
}
"""A camera that has everything."""


def camera(
    topics: Topics = TOPICS,
    api_port: int = 443,
    state: dict[str, Any] = STATE,
    unsupported: Collection[str] = (),
    *,
    counts: bool | None = True,
    pictures: bool = True,
    allow_destructive: bool = False,
    **changes: Any,
) -> Device:
    """A camera that is known, apart from ``changes`` to its info."""
    known = {name: getattr(FULL, name) for name in FULL.__slots__} | changes
    info = CameraInfo(**known)
    return camera_device(
        topics,
        info,
        __version__,
        api_port,
        state,
        unsupported,
        counts=counts,
        pictures=pictures,
        allow_destructive=allow_destructive,
    )
