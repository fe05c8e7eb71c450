"""``config/*``: what is set is what is read, and what is kept behind it."""

from __future__ import annotations

import aiohttp
import pytest

from ipc_bridge.catalog.device import (
    AUTO_FOCUS,
    FORMAT_MEMORY_CARD,
    GET_AI_FACE_CONFIG,
    GET_AP_LIST,
    GET_DYNAMIC_DETECT,
    GET_FACE_BY_ARRIVAL,
    GET_FACE_LIST,
    GET_GROUP_LIST,
    GET_INFO,
    GET_IP_CONFIGURATION,
    GET_IR_MODE,
    GET_LED_SWITCH,
    GET_MEMORY_CARD_STATUS,
    GET_NAME,
    GET_ROTATION,
    GET_ROTATION_ANGLES,
    GET_WIFI_CONF,
    GET_ZOOM_FOCUS_CONF,
    MANUAL_FOCUS,
    RESET_ZOOM_FOCUS,
    SET_AI_FACE_CONFIG,
    SET_DYNAMIC_DETECT,
    SET_IP_CONFIGURATION,
    SET_IR_MODE,
    SET_LED_SWITCH,
    SET_ROTATION,
    SET_WIFI_CONF,
    SET_ZOOM,
    UPDATE_NAME,
)
from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.simulator import CameraSettings, CardStatus, SimulatedCamera
from tests.simulator.api import Api

NIGHT = {"motion_level": 0, "audio_level": 3, "weekday": 7, "start_time": 1260, "stop_time": 540}


@pytest.mark.parametrize(
    ("setter", "getter", "values"),
    [
        (SET_IR_MODE, GET_IR_MODE, {"irmode": 0}),
        (SET_LED_SWITCH, GET_LED_SWITCH, {"led_switch": 0}),
        (SET_ROTATION, GET_ROTATION, {"rotation": 270}),
        (SET_DYNAMIC_DETECT, GET_DYNAMIC_DETECT, NIGHT),
        (UPDATE_NAME, GET_NAME, {"name": "Küche & Flur"}),
        (SET_WIFI_CONF, GET_WIFI_CONF, {"ssid": "WeWork", "password": ""}),
        (SET_AI_FACE_CONFIG, GET_AI_FACE_CONFIG, {"optimize_seconds": 6}),
    ],
    ids=lambda value: value.path if isinstance(value, Endpoint) else "",
)
async def test_what_is_set_is_what_is_read(
    api: Api, camera: SimulatedCamera, setter: Endpoint, getter: Endpoint, values: dict[str, object]
) -> None:
    assert await api.get(getter) != values
    assert (await api.call(setter, **values))[0] == 0
    assert await api.get(getter) == values
    assert {name: getattr(camera.controls, name) for name in values} == values


async def test_the_name_is_everywhere(api: Api) -> None:
    await api.get(UPDATE_NAME, name="Till")
    assert (await api.get(GET_INFO))["name"] == "Till"


async def test_rotations(api: Api) -> None:
    angles = (await api.get(GET_ROTATION_ANGLES))["angles"]
    assert angles == ["0", "90", "180", "270"]
    for angle in angles:
        assert await api.code(SET_ROTATION, rotation=int(angle)) == 0
    assert await api.code(SET_ROTATION, rotation=45) == 120
    assert await api.get(GET_ROTATION) == {"rotation": 270}


async def test_the_lens(api: Api) -> None:
    factory = {"max_zoom": 500, "max_focus": 780, "zoom": 0, "focus": 0, "focused_x": 50, "focused_y": 50}
    assert await api.get(GET_ZOOM_FOCUS_CONF) == factory
    assert await api.code(SET_ZOOM, zoom=250) == 0
    # It focuses by itself when it zooms.
    assert await api.get(GET_ZOOM_FOCUS_CONF) == {**factory, "zoom": 250, "focus": 390}
    assert await api.code(MANUAL_FOCUS, focus=400) == 0
    assert (await api.get(GET_ZOOM_FOCUS_CONF))["focus"] == 400
    assert await api.code(AUTO_FOCUS, focus_x=10, focus_y=90) == 0
    assert await api.get(GET_ZOOM_FOCUS_CONF) == {
        **factory,
        "zoom": 250,
        "focus": 390,
        "focused_x": 10,
        "focused_y": 90,
    }
    assert await api.code(RESET_ZOOM_FOCUS) == 0
    assert await api.get(GET_ZOOM_FOCUS_CONF) == factory


async def test_a_smaller_lens(http: aiohttp.ClientSession) -> None:
    settings = CameraSettings(discovery_port=None, max_zoom=100, max_focus=200)
    async with SimulatedCamera(settings) as camera:
        api = Api(http, camera)
        assert await api.code(SET_ZOOM, zoom=101) == 110
        assert await api.code(MANUAL_FOCUS, focus=201) == 111
        assert (camera.controls.zoom, camera.controls.focus) == (0, 0)
        assert await api.code(SET_ZOOM, zoom=100) == 0
        assert camera.controls.focus == 200


async def test_networks(api: Api) -> None:
    found = await api.get(GET_AP_LIST)
    assert found["num"] == len(found["ap_list"]) > 0
    assert all(network.keys() == {"ssid", "key_mgmt"} for network in found["ap_list"])


async def test_a_static_address(api: Api, camera: SimulatedCamera) -> None:
    assert (await api.get(GET_IP_CONFIGURATION))["proto"] == "dhcp"
    assert (await api.get(GET_IP_CONFIGURATION))["ipaddr"] == camera.host
    static = {"ipaddr": "192.168.1.110", "netmask": "255.255.255.0", "gateway": "192.168.1.1"}
    for missing in static:
        incomplete = {name: value for name, value in static.items() if name != missing}
        assert await api.code(SET_IP_CONFIGURATION, proto="static", **incomplete) == 2
    assert await api.code(SET_IP_CONFIGURATION, proto="static", dns1="192.168.1.2", **static) == 0
    expected = {"proto": "static", "dns1": "192.168.1.2", "dns2": "", **static}
    assert await api.get(GET_IP_CONFIGURATION) == expected
    assert await api.code(SET_IP_CONFIGURATION, proto="dhcp") == 0
    assert (await api.get(GET_IP_CONFIGURATION))["ipaddr"] == camera.host


async def test_a_loopback_address_is_moved_to(api: Api, camera: SimulatedCamera) -> None:
    static = {"ipaddr": "127.0.0.81", "netmask": "255.0.0.0", "gateway": "127.0.0.1"}
    assert await api.code(SET_IP_CONFIGURATION, proto="static", **static) == 0
    await camera.wait_until(lambda: camera.host == "127.0.0.81" and camera.running)
    assert (await api.get(GET_INFO))["ip"] == "127.0.0.81"


async def test_the_states_of_the_card(api: Api, camera: SimulatedCamera) -> None:
    for status, face_code, format_code in (
        (CardStatus.WORKING, 0, 0),
        (CardStatus.OUT, 220, 220),
        (CardStatus.UNKNOWN, 220, 221),
        (CardStatus.UNFORMATTED, 220, 0),
    ):
        camera.card = status
        assert await api.get(GET_MEMORY_CARD_STATUS) == {"status": int(status)}
        assert (await api.call(GET_GROUP_LIST))[0] == face_code
        # These two list no code for a missing card, but one for its face service.
        assert (await api.call(GET_FACE_LIST, group_name="stranger"))[0] == (211 if face_code else 0)
        assert await api.code(FORMAT_MEMORY_CARD) == format_code
    assert camera.card is CardStatus.WORKING


async def test_a_card_that_comes_back_has_everything(api: Api, camera: SimulatedCamera) -> None:
    camera.card = CardStatus.OUT
    assert await api.code(GET_FACE_BY_ARRIVAL, group_name="vip") == 211
    camera.card = CardStatus.WORKING
    assert (await api.get(GET_FACE_LIST, group_name="vip"))["total_num"] == 2


async def test_formatting_loses_faces_and_counts(api: Api, camera: SimulatedCamera) -> None:
    camera.emit_face()
    assert await api.code(FORMAT_MEMORY_CARD) == 0
    assert (await api.get(GET_GROUP_LIST))["num"] == 2
    assert (await api.get(GET_FACE_LIST, group_name="stranger"))["total_num"] == 0
    assert not camera.statistics.visits(0, 2**40)
